//! The bundled PostgreSQL: finds an installed server, and runs it privately for `coder server`.
