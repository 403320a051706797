//! Tokens of Google.

use super::VerifyError;
use coder_core::{
    Timestamp,
    instance_identity::{Cloud, InstanceIdentity, MAX_CLOCK_SKEW_SECONDS},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};

/// For whom agents ask the token to be.
const AUDIENCE: &str = "coder";
/// Who issues tokens.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

#[derive(serde::Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    google: Option<Google>,
}

/// Only in tokens of the format `full`, which only a machine gets.
#[derive(serde::Deserialize)]
struct Google {
    compute_engine: ComputeEngine,
}

#[derive(serde::Deserialize)]
struct ComputeEngine {
    instance_id: String,
}

/// The name of the key that a token says it is signed by.
pub(super) fn key_id(token: &str) -> Result<String, VerifyError> {
    let header = decode_header(token);
    let header = header.map_err(|_| VerifyError::Malformed("it is not a JSON Web Token"))?;
    if header.alg != Algorithm::RS256 {
        return Err(VerifyError::Malformed("it is not signed by RS256"));
    }
    header.kid.ok_or(VerifyError::Malformed("it names no key"))
}

/// Which machine a token names, if one of `keys` signed it for us and it is valid now.
pub(super) fn verify(
    token: &str,
    keys: &JwkSet,
    now: Timestamp,
) -> Result<InstanceIdentity, VerifyError> {
    let key = keys.find(&key_id(token)?);
    let key = key.ok_or_else(|| VerifyError::Untrusted("Google has no such key".to_owned()))?;
    let untrusted = |error: jsonwebtoken::errors::Error| VerifyError::Untrusted(error.to_string());
    let key = DecodingKey::from_jwk(key).map_err(untrusted)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&ISSUERS);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    // By our own clock, below.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, &key, &validation)
        .map_err(untrusted)?
        .claims;
    if now.timestamp() >= claims.exp {
        return Err(VerifyError::Invalid("it has expired"));
    }
    if claims.exp.saturating_sub(claims.iat) > 24 * 3_600 || claims.iat > claims.exp {
        return Err(VerifyError::Invalid("it is valid for too long"));
    }
    if claims.iat > now.timestamp() + MAX_CLOCK_SKEW_SECONDS {
        return Err(VerifyError::Invalid("it is of the future"));
    }
    let google = claims.google.ok_or(VerifyError::Malformed(
        "it is not in the format full, so it names no machine",
    ))?;
    let instance_id = google.compute_engine.instance_id;
    if instance_id.is_empty() {
        return Err(VerifyError::Malformed("it names no machine"));
    }
    let issued_at = Timestamp::from_timestamp(claims.iat, 0);
    Ok(InstanceIdentity {
        cloud: Cloud::Google,
        instance_id,
        issued_at: issued_at.ok_or(VerifyError::Malformed("its time is none"))?,
    })
}
