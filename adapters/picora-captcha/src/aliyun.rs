//! Aliyun Captcha 2.0: `VerifyIntelligentCaptcha`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use picora_core::{Clock, Entropy, StoreError};
use picora_https::{Answer, Endpoint, exchange};
use picora_ratelimit::captcha::{
    CaptchaOutcome, CaptchaRefusal, CaptchaRequest, CaptchaVerifier, CaptchaWidget,
};
use reqwest::Client;
use secrecy::SecretString;
use serde::Deserialize;

use crate::config::{ConfigError, LONGEST_ANSWER};
use crate::unanswered::Unanswered;

mod signature;

use signature::{Once, Signed, hex};

/// What a deployment has at Aliyun: a key that may verify, and two scenes, so that a token of the easier one does not answer the harder one.
#[derive(Clone, Debug)]
pub struct Aliyun {
    key_id: String,
    key_secret: SecretString,
    managed_scene: String,
    interactive_scene: String,
    endpoint: Endpoint,
}

impl Aliyun {
    /// In mainland China, with an access key of a RAM user and the ids of the two scenes.
    ///
    /// **Errors**: [`ConfigError`] when the id of the key cannot stand in a header.
    pub fn new(
        key_id: impl Into<String>,
        key_secret: SecretString,
        managed_scene: impl Into<String>,
        interactive_scene: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let key_id = key_id.into();
        if key_id.is_empty() || !key_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let says = "the id of an Aliyun access key is letters and digits";
            return Err(ConfigError(says.to_owned()));
        }
        Ok(Self {
            key_id,
            key_secret,
            managed_scene: managed_scene.into(),
            interactive_scene: interactive_scene.into(),
            endpoint: Endpoint::new(SHANGHAI)?,
        })
    }

    /// The same, asked elsewhere: Singapore is `https://captcha.ap-southeast-1.aliyuncs.com`.
    #[must_use]
    pub fn at(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    fn scene(&self, widget: CaptchaWidget) -> &str {
        match widget {
            CaptchaWidget::Managed => &self.managed_scene,
            CaptchaWidget::Interactive => &self.interactive_scene,
        }
    }

    /// The request: body and headers.
    fn question(&self, request: &CaptchaRequest<'_>, once: &Once) -> Signed {
        let widget = request.level.widget().unwrap_or(CaptchaWidget::Managed);
        let body = signature::form(&[
            ("CaptchaVerifyParam", request.token),
            ("SceneId", self.scene(widget)),
        ]);
        Signed::new(
            self.endpoint.authority(),
            body,
            once,
            &self.key_id,
            &self.key_secret,
        )
    }
}

/// What an answer means. A pass must be said three times over; any contradiction is no verdict.
fn read(answer: &Answer) -> Result<CaptchaOutcome, Unanswered> {
    let status = answer.status;
    let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
    match (status, said) {
        (200, Some(said)) if said.success && said.code == "Success" => verdict(said.result, status),
        (200, None) | (..=399, _) if status != 200 => Err(Unanswered::Garbage { status }),
        (500.., _) => Err(Unanswered::Lost(format!("status {status}"))),
        (_, Some(said)) if said.code.starts_with("Throttling") => {
            Err(Unanswered::Trouble(said.code()))
        }
        (429, _) => Err(Unanswered::Trouble("it limits our requests".to_owned())),
        (_, Some(said)) if !said.code.is_empty() && !said.success => {
            Err(Unanswered::Configured(said.code()))
        }
        _ => Err(Unanswered::Garbage { status }),
    }
}

fn verdict(result: Option<Verdict>, status: u16) -> Result<CaptchaOutcome, Unanswered> {
    let Some(Verdict { passed, code }) = result else {
        return Err(Unanswered::Garbage { status });
    };
    match (passed, code.as_bytes().first()) {
        (true, Some(b'T')) => Ok(CaptchaOutcome::Passed),
        (false, Some(b'F')) => Ok(refused(reason(&code))),
        _ => Err(Unanswered::Garbage { status }),
    }
}

/// The documented codes; those that come later are told apart from a pass by their letter.
fn reason(code: &str) -> CaptchaRefusal {
    match code {
        "F002" => CaptchaRefusal::Missing,
        "F003" | "F013" => CaptchaRefusal::Malformed,
        // The scene is also in what the client sends, so that it can bring these about.
        "F005" | "F006" | "F012" => CaptchaRefusal::Elsewhere,
        "F007" | "F008" => CaptchaRefusal::Stale,
        "F010" | "F011" => CaptchaRefusal::Limited,
        _ => CaptchaRefusal::Failed,
    }
}

#[derive(Deserialize)]
struct Said {
    #[serde(default, rename = "Success")]
    success: bool,
    #[serde(default, rename = "Code")]
    code: String,
    #[serde(default, rename = "Result")]
    result: Option<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    #[serde(rename = "VerifyResult")]
    passed: bool,
    #[serde(rename = "VerifyCode")]
    code: String,
}

impl Said {
    /// The code for a log: short and printable, whoever wrote it.
    fn code(&self) -> String {
        let printable = self.code.chars().filter(char::is_ascii_graphic);
        printable.take(64).collect()
    }
}

const fn refused(reason: CaptchaRefusal) -> CaptchaOutcome {
    CaptchaOutcome::Refused { reason }
}

/// Verifies at Aliyun.
///
/// Aliyun knows no idempotency keys: a request that was lost is not repeated, and the client solves another captcha. It compares no
/// address either.
#[derive(Clone)]
pub struct AliyunVerifier {
    config: Aliyun,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    client: Client,
}

impl AliyunVerifier {
    /// A verifier that signs by this clock, which Aliyun wants within 15 minutes, and takes its nonces from this chance.
    ///
    /// **Errors**: [`ConfigError`] when there can be no HTTPS client.
    pub fn new(
        config: Aliyun,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ConfigError> {
        let client = config.endpoint.client()?;
        Ok(Self {
            config,
            clock,
            entropy,
            client,
        })
    }

    async fn ask(&self, request: &CaptchaRequest<'_>) -> Result<CaptchaOutcome, Unanswered> {
        let mut nonce = [0; 16];
        self.entropy.fill(&mut nonce);
        let once = Once {
            at: self.clock.now(),
            nonce: hex(&nonce),
        };
        let signed = self.config.question(request, &once);
        let mut question = self.client.post(self.config.endpoint.url().clone());
        for (name, value) in &signed.headers {
            question = question.header(*name, value);
        }
        read(&exchange(question.body(signed.body), LONGEST_ANSWER).await?)
    }
}

#[async_trait]
impl CaptchaVerifier for AliyunVerifier {
    async fn verify(&self, request: &CaptchaRequest<'_>) -> Result<CaptchaOutcome, StoreError> {
        match request.token.len() {
            0 => return Ok(refused(CaptchaRefusal::Missing)),
            1..=LONGEST_TOKEN => {}
            _ => return Ok(refused(CaptchaRefusal::Malformed)),
        }
        self.ask(request).await.map_err(|why| why.told("aliyun"))
    }
}

impl fmt::Debug for AliyunVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AliyunVerifier({})", self.config.endpoint.url())
    }
}

/// Where a server in mainland China asks.
const SHANGHAI: &str = "https://captcha.cn-shanghai.aliyuncs.com";

/// Aliyun names no bound; its widget's parameter has about 2 KiB.
const LONGEST_TOKEN: usize = 16 << 10;

#[cfg(test)]
mod tests;
