use super::super::{Vendor, load};
use super::*;

/// A deployment with these tables; the vendor of its bucket and its address, or why not.
fn loaded(text: &str) -> Result<(Config, Option<(Vendor, String)>), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("picora.toml");
    std::fs::write(&file, text).unwrap();
    let config = load(Some(&file), &[]).map_err(|error| error.to_string())?;
    let chosen = config.storage.chosen(config.deployment).unwrap();
    let chosen = chosen.map(|(vendor, bucket)| (vendor, bucket.address(vendor)));
    Ok((config, chosen))
}

const R2: &str =
    "[storage.r2]\nendpoint = \"https://me.r2.cloudflarestorage.com\"\nbucket = \"photos\"\n";
const OSS: &str = "[storage.oss]\nbucket = \"photos\"\nregion = \"cn-hangzhou\"\n";
const COS: &str = "[storage.cos]\nbucket = \"photos-1250000000\"\nregion = \"ap-guangzhou\"\n";

#[test]
fn the_switch_chooses_the_bucket() {
    let nobodys = loaded("").unwrap();
    assert_eq!(
        (nobodys.0.deployment, nobodys.1),
        (Deployment::Embedded, None)
    );
    for (name, deployment, table, vendor, address) in [
        (
            "global",
            Deployment::Global,
            R2,
            Vendor::R2,
            "https://me.r2.cloudflarestorage.com",
        ),
        (
            "mainland",
            Deployment::Mainland,
            OSS,
            Vendor::Oss,
            "https://photos.oss-cn-hangzhou.aliyuncs.com",
        ),
        (
            "cn",
            Deployment::Mainland,
            COS,
            Vendor::Cos,
            "https://photos-1250000000.cos.ap-guangzhou.myqcloud.com",
        ),
    ] {
        let (config, chosen) = loaded(&format!("deployment = \"{name}\"\n{table}")).unwrap();
        assert_eq!(config.deployment, deployment);
        assert_eq!(chosen, Some((vendor, address.to_owned())));
        // What is printed is read back as the same, but for secrets.
        let printed = toml::to_string(&config).unwrap();
        assert_eq!(loaded(&printed).unwrap().0, config, "{printed}");
    }
}

#[test]
fn what_is_missing_double_or_of_another_deployment_is_refused_by_name() {
    let (kv, redis) = (
        "[echo.kv]\naccount = \"a\"\nnamespace = \"b\"\n",
        "[echo.redis]\nurl = \"redis://127.0.0.1\"\n",
    );
    let (turnstile, aliyun) = (
        "[captcha.turnstile]\naction = \"a\"\n",
        "[captcha.aliyun]\nmanaged_scene = \"a\"\n",
    );
    for (deployment, tables, names) in [
        ("embedded", &[R2][..], "`storage` names a bucket"),
        ("embedded", &[OSS], "`storage` names a bucket"),
        (
            "embedded",
            &[turnstile],
            "`captcha.turnstile` is of the deployment `global`",
        ),
        (
            "embedded",
            &[aliyun],
            "`captcha.aliyun` is of the deployment `mainland`",
        ),
        ("global", &[], "`storage.r2` is missing"),
        (
            "global",
            &[OSS],
            "`storage.oss` is of the deployment `mainland`",
        ),
        (
            "global",
            &[R2, COS],
            "`storage.cos` is of the deployment `mainland`",
        ),
        (
            "global",
            &[R2, aliyun],
            "`captcha.aliyun` is of the deployment `mainland`",
        ),
        ("global", &[R2, turnstile, aliyun], "`captcha.aliyun` is of"),
        ("mainland", &[], "neither `storage.oss` nor `storage.cos`"),
        (
            "mainland",
            &[OSS, COS],
            "both `storage.oss` and `storage.cos`",
        ),
        (
            "mainland",
            &[R2],
            "`storage.r2` is of the deployment `global`",
        ),
        (
            "cn",
            &[OSS, R2],
            "`storage.r2` is of the deployment `global`",
        ),
        (
            "mainland",
            &[OSS, turnstile],
            "`captcha.turnstile` is of the deployment `global`",
        ),
        ("mainland", &[OSS, kv], "`echo.kv` is Cloudflare's"),
    ] {
        let text = format!("deployment = \"{deployment}\"\n{}", tables.concat());
        let fault = loaded(&text).expect_err(&text);
        assert!(fault.contains(names), "{text}: {fault}");
    }
    for (deployment, tables) in [
        ("embedded", &[kv][..]),
        ("global", &[R2, kv, turnstile]),
        ("global", &[R2, redis]),
        ("mainland", &[COS, redis, aliyun]),
    ] {
        let text = format!("deployment = \"{deployment}\"\n{}", tables.concat());
        loaded(&text).unwrap();
    }
}

#[test]
fn a_bucket_makes_sense_by_itself() {
    for (deployment, table, line, names) in [
        (
            "mainland",
            OSS,
            "endpoint = \"oss.example\"",
            "`storage.oss.endpoint` must be https://",
        ),
        (
            "mainland",
            OSS,
            "endpoint = \"http://oss.example\"",
            "`storage.oss.endpoint` must be https://",
        ),
        (
            "mainland",
            OSS,
            "endpoint = \"https://a:b@oss.example\"",
            "without a user",
        ),
        (
            "mainland",
            OSS,
            "endpoint = \"https://oss.example/photos\"",
            "path",
        ),
        (
            "mainland",
            OSS,
            "endpoint = \"https://oss.example/?a\"",
            "query",
        ),
        (
            "mainland",
            OSS,
            "endpoint = \"https://oss-cn-hangzhou.aliyuncs.com\"",
            "must begin with the name of the bucket",
        ),
        (
            "mainland",
            COS,
            "endpoint = \"https://cos.ap-guangzhou.myqcloud.com\"",
            "must begin with the name of the bucket",
        ),
        (
            "mainland",
            OSS,
            "bucket_in_path = true",
            "`storage.oss.bucket_in_path` is for emulators on loopback",
        ),
        (
            "mainland",
            COS,
            "endpoint = \"https://127.0.0.1.example\"\nbucket_in_path = true",
            "is for emulators on loopback",
        ),
        (
            "global",
            R2,
            "bucket_in_path = true",
            "`storage.r2.bucket_in_path` is how R2 always has it",
        ),
        (
            "global",
            R2,
            "region = \"eu\"",
            "`storage.r2.region` is not known to R2",
        ),
        (
            "mainland",
            "[storage.oss]\nbucket = \"a\"\n",
            "",
            "`storage.oss.region` must say",
        ),
        (
            "mainland",
            "[storage.oss]\nregion = \"a\"\n",
            "",
            "`storage.oss.bucket` must be",
        ),
        (
            "mainland",
            "[storage.cos]\nregion = \"a\"\nbucket = \"a/b\"\n",
            "",
            "`storage.cos.bucket` must be",
        ),
        (
            "global",
            "[storage.r2]\nbucket = \"a\"\n",
            "",
            "`storage.r2.endpoint` must be https://",
        ),
    ] {
        let text = format!("deployment = \"{deployment}\"\n{table}{line}\n");
        let fault = loaded(&text).expect_err(&text);
        assert!(fault.contains(names), "{text}: {fault}");
    }
    for (deployment, table, line) in [
        (
            "mainland",
            OSS,
            "endpoint = \"https://media.picora.example\"",
        ),
        (
            "mainland",
            OSS,
            "endpoint = \"https://photos.oss-cn-hangzhou-internal.aliyuncs.com/\"",
        ),
        (
            "mainland",
            OSS,
            "endpoint = \"http://127.0.0.1:9\"\nbucket_in_path = true",
        ),
        (
            "mainland",
            OSS,
            "endpoint = \"http://[::1]:9\"\nbucket_in_path = true",
        ),
        (
            "mainland",
            COS,
            "endpoint = \"http://localhost:9\"\nbucket_in_path = true",
        ),
        ("global", R2, "region = \"auto\""),
    ] {
        loaded(&format!("deployment = \"{deployment}\"\n{table}{line}\n")).unwrap();
    }
}
