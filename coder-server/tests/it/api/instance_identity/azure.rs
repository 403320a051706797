//! Documents of Azure.

use super::{
    World,
    clouds::{Cloud, azure_document},
    refused,
};
use serde_json::{Value, json};
use std::time::Duration;

const MACHINE: &str = "02aab8a4-74ef-476e-8182-f6d2ba4166a6";

/// A cloud whose authority issues for `metadata.azure.com` through one in between, and a server that trusts
/// the authority.
async fn world() -> (Cloud, World) {
    let cloud = Cloud::new();
    let root = cloud.authority("root", 2_048, 3_650);
    cloud.certificate("between", "root", None);
    cloud.certificate("metadata", "between", Some("eastus.metadata.azure.com"));
    let world = World::new(MACHINE, |config| {
        config.identity.azure_instance_identity_certificates = Some(root);
    });
    let world = world.await;
    (cloud, world)
}

fn body(signature: &str) -> Value {
    json!({ "signature": signature, "encoding": "pkcs7" })
}

#[tokio::test]
async fn a_signed_document_gives_a_token_once() {
    let (cloud, world) = world().await;
    let document = azure_document(&MACHINE.to_uppercase(), world.live.server.state.deps.now());
    let signed = cloud.pkcs7("metadata", &["between"], &document, &[]);
    let token = world.token("azure", body(&signed)).await;
    assert!(world.works(&token).await);
    refused(&world.exchange("azure", body(&signed)).await, "used before");
    // The same words in another signature are no newer.
    let again = cloud.pkcs7("metadata", &["between"], &document, &["-noattr"]);
    refused(&world.exchange("azure", body(&again)).await, "used before");
    world.live.server.clock.advance(Duration::from_secs(60));
    let document = azure_document(MACHINE, world.live.server.state.deps.now());
    // Without signed attributes the signature is over the content itself.
    let newer = cloud.pkcs7("metadata", &["between"], &document, &["-noattr"]);
    world.token("azure", body(&newer)).await;
}

#[tokio::test]
async fn certificates_of_others_are_refused() {
    let (cloud, world) = world().await;
    let document = azure_document(MACHINE, world.live.server.state.deps.now());
    cloud.authority("stranger", 2_048, 30);
    cloud.certificate("impostor", "stranger", Some("metadata.azure.com"));
    cloud.certificate("website", "between", Some("www.example.com"));
    cloud.certificate(
        "lookalike",
        "between",
        Some("metadata.azure.com.example.com"),
    );
    // They are valid from the second in which they were made.
    world.live.server.clock.advance(Duration::from_secs(60));
    for (signer, others, words) in [
        ("impostor", &["stranger"][..], "UnknownIssuer"),
        ("stranger", &[], "signature"),
        // The chain is missing.
        ("metadata", &[], "UnknownIssuer"),
        ("website", &["between"], "not for the metadata service"),
        ("lookalike", &["between"], "not for the metadata service"),
    ] {
        let signed = cloud.pkcs7(signer, others, &document, &[]);
        refused(&world.exchange("azure", body(&signed)).await, words);
    }
}

#[tokio::test]
async fn documents_that_were_touched_are_refused() {
    let (cloud, world) = world().await;
    let document = azure_document(MACHINE, world.live.server.state.deps.now());
    for more in [&[][..], &["-noattr"]] {
        let signed = cloud.pkcs7("metadata", &["between"], &document, more);
        let touched = replace(&signed, b"02aab8a4", b"12aab8a4");
        refused(&world.exchange("azure", body(&touched)).await, "signature");
    }
    for odd in ["", "AAAA", "MIIB", "!"] {
        refused(
            &world.exchange("azure", body(odd)).await,
            "not one of this cloud",
        );
    }
    let good = cloud.pkcs7("metadata", &["between"], &document, &[]);
    let other = json!({ "signature": good, "encoding": "cose" });
    refused(&world.exchange("azure", other).await, "encoding");
    // Two signers, a weak hash, nothing inside.
    let second = ["-signer", "between.pem", "-inkey", "between.key"];
    let two = cloud.pkcs7("metadata", &[], &document, &second);
    refused(&world.exchange("azure", body(&two)).await, "one signer");
    let weak = cloud.pkcs7("metadata", &["between"], &document, &["-md", "sha1"]);
    refused(&world.exchange("azure", body(&weak)).await, "SHA-256");
    let text = "{}";
    let empty = cloud.pkcs7("metadata", &["between"], text, &[]);
    refused(
        &world.exchange("azure", body(&empty)).await,
        "does not name",
    );
    world.token("azure", body(&good)).await;
}

#[tokio::test]
async fn documents_end() {
    let (cloud, world) = world().await;
    let clock = &world.live.server.clock;
    let document = azure_document(MACHINE, world.live.server.state.deps.now());
    let signed = cloud.pkcs7("metadata", &["between"], &document, &[]);
    clock.advance(Duration::from_secs(6 * 3_600 + 1));
    refused(&world.exchange("azure", body(&signed)).await, "expired");
    // And so do the certificates.
    clock.advance(Duration::from_secs(31 * 86_400));
    let document = azure_document(MACHINE, world.live.server.state.deps.now());
    let signed = cloud.pkcs7("metadata", &["between"], &document, &[]);
    refused(&world.exchange("azure", body(&signed)).await, "CertExpired");
}

fn replace(signed: &str, from: &[u8], to: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut bytes = STANDARD.decode(signed).unwrap();
    let place = bytes
        .windows(from.len())
        .position(|part| part == from)
        .unwrap();
    bytes[place..place + from.len()].copy_from_slice(to);
    STANDARD.encode(bytes)
}
