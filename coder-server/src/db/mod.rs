//! Storage on PostgreSQL.
