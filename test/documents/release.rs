//! The step of `bitbucket-pipelines.yml` that releases, with programs in place of `docker` and `cosign` that say how they
//! were called.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use sandbox::Folder;
use serde_json::Value;

use super::read;

const DIGEST: &str = "sha256:19ffeab6f8bc9293ac2c3fdf94ebe28396254c993aea0b5a542cfb02e0883fa3";

/// Like buildx, `docker` writes the digest of what it pushed into the file that it is told.
const DOCKER: &str = r#"#!/bin/sh
echo "docker $*" >>calls
case "$1 $2" in
  "create "*) echo container ;;
  "buildx build") printf '{\n  "buildx.build.ref": "x",\n  "containerimage.digest": "DIGEST"\n}\n' >release.json ;;
esac
"#;

/// Like the real one, `cosign public-key` makes the public key from the private one.
const COSIGN: &str = r#"#!/bin/sh
echo "cosign $*" >>calls
if [ "$1" = public-key ]; then echo "public key of $COSIGN_PRIVATE_KEY" >cosign.pub; fi
"#;

/// Runs the step in a checkout that has this public key. Returns whether it succeeded, and the calls of both programs.
fn release(tag: &str, public_key: Option<&str>) -> (bool, Vec<String>) {
    let pipeline: Value = serde_yaml_ng::from_str(&read("bitbucket-pipelines.yml")).unwrap();
    let steps = pipeline["pipelines"]["tags"]["*.*.*"].as_array().unwrap();
    let script = steps.last().unwrap()["step"]["script"].as_array().unwrap();
    let script: Vec<_> = script.iter().map(|line| line.as_str().unwrap()).collect();

    let checkout = Folder::new();
    let _ = checkout.write("Cargo.toml", read("Cargo.toml").as_bytes());
    if let Some(key) = public_key {
        let _ = checkout.write("docs/cosign.pub", key.as_bytes());
    }
    let git = "#!/bin/sh\necho 1795884253\n";
    for (name, program) in [("docker", &*DOCKER.replace("DIGEST", DIGEST)), ("cosign", COSIGN), ("git", git)]
    {
        let path = checkout.write(&format!("bin/{name}"), program.as_bytes());
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let ended = Command::new("sh")
        .args(["-e", "-c", &script.join("\n")])
        .current_dir(checkout.path())
        .env("PATH", format!("{}/bin:{}", checkout.path().display(), std::env::var("PATH").unwrap()))
        .env("BITBUCKET_TAG", tag)
        // "private"
        .env("COSIGN_PRIVATE_KEY_BASE64", "cHJpdmF0ZQ==")
        .output()
        .unwrap();
    let calls = fs::read_to_string(checkout.path().join("calls")).unwrap_or_default();
    (ended.status.success(), calls.lines().map(str::to_owned).collect())
}

#[test]
fn a_release_is_pushed_with_sbom_and_provenance_and_its_digest_is_signed() {
    let (succeeded, calls) = release(env!("CARGO_PKG_VERSION"), Some("public key of private\n"));
    assert!(succeeded, "{calls:#?}");
    let [.., push, sign, verify] = &calls[..] else { panic!("{calls:#?}") };
    for flag in ["--push", "--sbom=true", "--provenance=mode=max", "--platform linux/amd64,linux/arm64"] {
        assert!(push.starts_with("docker buildx build ") && push.contains(flag), "{push}");
    }
    let image = format!("gatepost/gatepost@{DIGEST}");
    assert!(
        sign.starts_with("cosign sign --key env://COSIGN_PRIVATE_KEY ") && sign.ends_with(&image),
        "{sign}"
    );
    assert_eq!(*verify, format!("cosign verify --key docs/cosign.pub {image}"));
}

#[test]
fn nothing_is_released_that_the_public_key_cannot_verify() {
    for public_key in [None, Some("public key of another\n")] {
        let (succeeded, calls) = release(env!("CARGO_PKG_VERSION"), public_key);
        assert!(!succeeded && !calls.iter().any(|call| call.contains("push")), "{calls:#?}");
    }
}

#[test]
fn a_tag_that_is_not_the_version_releases_nothing() {
    assert_eq!(release("0.0.0", Some("public key of private\n")), (false, Vec::new()));
}
