//! The providers of captchas.

use std::fmt::Display;
use std::sync::Arc;

use picora_captcha::{Aliyun, AliyunVerifier, Endpoint, Turnstile, TurnstileVerifier};
use picora_core::{Clock, Entropy};
use picora_ratelimit::captcha::CaptchaVerifier;

use super::told;
use crate::app::StartError;
use crate::config::Captcha;

type Verifier = Option<Arc<dyn CaptchaVerifier>>;

/// Turnstile, if it is configured. **Errors**: [`StartError`] names the key, and nothing of a secret.
pub(super) fn turnstile(config: &Captcha) -> Result<Verifier, StartError> {
    let Some(keys) = &config.turnstile else {
        return Ok(None);
    };
    let (managed, interactive) = keys.secrets().map_err(told)?;
    let mut turnstile =
        Turnstile::new(managed, interactive).with_hostnames(keys.hostnames.iter().cloned());
    if !keys.action.is_empty() {
        turnstile = turnstile.with_action(&keys.action);
    }
    if let Some(endpoint) = endpoint("captcha.turnstile.endpoint", &keys.endpoint)? {
        turnstile = turnstile.at(endpoint);
    }
    let verifier = TurnstileVerifier::new(turnstile).map_err(unusable("captcha.turnstile"))?;
    Ok(Some(Arc::new(verifier)))
}

/// Aliyun, if it is configured. **Errors**: [`StartError`] names the key, and nothing of a secret.
pub(super) fn aliyun(
    config: &Captcha,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Verifier, StartError> {
    let Some(keys) = &config.aliyun else {
        return Ok(None);
    };
    for (key, scene) in [
        ("captcha.aliyun.managed_scene", &keys.managed_scene),
        ("captcha.aliyun.interactive_scene", &keys.interactive_scene),
    ] {
        if scene.is_empty() {
            return Err(unusable(key)("it is missing"));
        }
    }
    let secret = keys.secret().map_err(told)?;
    let (id, easier, harder) = (
        &keys.access_key_id,
        &keys.managed_scene,
        &keys.interactive_scene,
    );
    let aliyun = Aliyun::new(id, secret, easier, harder);
    let mut aliyun = aliyun.map_err(unusable("captcha.aliyun.access_key_id"))?;
    if let Some(endpoint) = endpoint("captcha.aliyun.endpoint", &keys.endpoint)? {
        aliyun = aliyun.at(endpoint);
    }
    let verifier = AliyunVerifier::new(aliyun, clock.clone(), entropy.clone());
    Ok(Some(Arc::new(
        verifier.map_err(unusable("captcha.aliyun"))?,
    )))
}

/// Where a provider is asked, unless it is where it always is.
fn endpoint(key: &str, address: &str) -> Result<Option<Endpoint>, StartError> {
    match address {
        "" => Ok(None),
        address => Endpoint::new(address).map(Some).map_err(unusable(key)),
    }
}

fn unusable<E: Display>(key: &str) -> impl Fn(E) -> StartError {
    move |why| StartError(format!("the configuration cannot be used: `{key}`: {why}"))
}
