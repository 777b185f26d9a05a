//! Generated requests of the S3 dialect, signed by the signer that our adapter uses.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri};
use object_store::ClientOptions;
use object_store::aws::{AmazonS3Builder, AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use picora_core::{Entropy, SeededEntropy};
use picora_sign::encode;
use picora_testcloud::call::Call;

/// Where requests would go.
pub(crate) const HOST: &str = "127.0.0.1:9000";

/// A request with its signer.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) method: Method,
    pub(crate) key: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) region: &'static str,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    /// Whether the digest of the body is signed.
    pub(crate) whole: bool,
    /// In seconds, for a URL; none for headers.
    pub(crate) expires: Option<u64>,
}

impl Case {
    /// Keys, queries and headers with all that has ever gone wrong in a signature.
    pub(crate) fn generated(seed: u64) -> Self {
        let dice = Dice(SeededEntropy::new(seed));
        let mut query: Vec<(String, String)> = Vec::new();
        for name in QUERIES {
            if dice.pick(&["yes", "no", "no"]) == "yes" {
                query.push(((*name).to_owned(), dice.pick(VALUES).to_owned()));
            }
        }
        let mut headers = Vec::new();
        for (name, values) in HEADERS {
            if dice.pick(&["yes", "no"]) == "yes" {
                headers.push(((*name).to_owned(), dice.pick(values).to_owned()));
            }
        }
        Self {
            method: dice
                .pick(&["GET", "PUT", "POST", "DELETE", "HEAD"])
                .parse()
                .unwrap(),
            // A path of object_store begins with no slash, and ends with none.
            key: format!("{}x", dice.text(KEYS)),
            query,
            headers,
            body: dice.text(&["", "", "text", "猫", "\r\n"]),
            region: dice.pick(&["auto", "us-east-1", "eu-central-1"]),
            id: dice
                .pick(&["AKIAIOSFODNN7EXAMPLE", "0123456789abcdef0123456789abcdef"])
                .to_owned(),
            secret: dice.text(&["s3cr3t", "/", "+", "=", "wJalrXUtnFEMI"]),
            token: (dice.pick(&["no", "no", "yes"]) == "yes")
                .then(|| dice.text(&["FwoG", "+/", "==", "token"])),
            whole: dice.pick(&["yes", "no"]) == "yes",
            expires: (dice.pick(&["no", "yes"]) == "yes")
                .then(|| dice.pick(&["60", "600", "604800"]).parse().unwrap()),
        }
    }

    /// As it is sent, with its signature in the headers or in the URL.
    pub(crate) async fn signed(&self) -> Sent {
        let headers = self.headers.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, value.parse().unwrap())
        });
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        match self.expires {
            None => self.with_headers(map),
            Some(expires) => self.with_url(map, Duration::from_secs(expires)).await,
        }
    }

    fn with_headers(&self, headers: HeaderMap) -> Sent {
        let mut uri = format!("http://{HOST}/photos/{}", encode::path(&self.key));
        if !self.query.is_empty() {
            uri.push('?');
            uri.push_str(&encoded(&self.query));
        }
        let mut request = HttpRequest::new(Bytes::from(self.body.clone()).into());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri.parse().unwrap();
        *request.headers_mut() = headers;
        let credential = AwsCredential {
            key_id: self.id.clone(),
            secret_key: self.secret.clone(),
            token: self.token.clone(),
        };
        let signer = AwsAuthorizer::new(&credential, "s3", self.region);
        let signer = signer.with_sign_payload(self.whole);
        signer.try_authorize(&mut request, None).unwrap();
        self.sent(request.uri().clone(), request.headers().clone())
    }

    async fn with_url(&self, headers: HeaderMap, expires: Duration) -> Sent {
        let mut builder = AmazonS3Builder::new()
            .with_endpoint(format!("http://{HOST}"))
            .with_allow_http(true)
            .with_http_connector(Nobody)
            .with_bucket_name("photos")
            .with_region(self.region)
            .with_access_key_id(&self.id)
            .with_secret_access_key(&self.secret);
        if let Some(token) = &self.token {
            builder = builder.with_token(token);
        }
        let store = builder.build().unwrap();
        let mut options = SignedUrlOptions::default().with_query(self.query.clone());
        options.signed_headers = headers.clone();
        // What has to be encoded in a path of object_store's is encoded in the key itself.
        let path = Path::parse(&self.key).unwrap();
        let url = store
            .signed_url_opts(self.method.clone(), &path, expires, &options)
            .await
            .unwrap();
        self.sent(url.as_str().parse().unwrap(), headers)
    }

    fn sent(&self, uri: Uri, mut headers: HeaderMap) -> Sent {
        headers.insert("host", HOST.parse().unwrap());
        Sent {
            method: self.method.clone(),
            uri,
            headers,
            body: self.body.clone().into(),
        }
    }
}

/// A request on its way.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Sent {
    /// As it arrives.
    pub(crate) fn call(&self) -> Option<Call> {
        let headers = self.headers.clone();
        Call::of(
            self.method.clone(),
            &self.uri,
            headers,
            self.body.clone(),
            |_| None,
        )
    }
}

/// Connects to nobody: what is signed here is not sent, and clients are not made in no time.
#[derive(Debug)]
struct Nobody;

impl HttpConnector for Nobody {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        static CLIENT: OnceLock<HttpClient> = OnceLock::new();
        let made = || ReqwestConnector::default().connect(options).unwrap();
        Ok(CLIENT.get_or_init(made).clone())
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter();
    let pairs = pairs
        .map(|(name, value)| format!("{}={}", encode::component(name), encode::component(value)));
    pairs.collect::<Vec<_>>().join("&")
}

struct Dice(SeededEntropy);

impl Dice {
    fn pick(&self, of: &[&'static str]) -> &'static str {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        of[usize::try_from(u64::from_le_bytes(bytes) % of.len() as u64).unwrap()]
    }

    /// One to five of them.
    fn text(&self, parts: &[&'static str]) -> String {
        let count: usize = self.pick(&["1", "2", "3", "4", "5"]).parse().unwrap();
        (0..count).map(|_| self.pick(parts)).collect()
    }
}

const KEYS: &[&str] = &[
    "a", "b/", "c d", "+", "%2F", "猫", "~", "é", "'", "(1)", "&=", ".png", "名字", "*!", ";,",
];
const QUERIES: &[&str] = &[
    "uploads",
    "partNumber",
    "prefix",
    "Prefix",
    "response-content-type",
    "a b+c",
    "a%2Fb",
    "Ünïcode",
    "a-b",
    "a",
];
const VALUES: &[&str] = &[
    "",
    "",
    "1",
    "a/b",
    "a+b c",
    "%2F",
    "名字",
    "~-_.",
    "image/png; charset=utf-8",
    "=&",
];
const HEADERS: &[(&str, &[&str])] = &[
    (
        "cache-control",
        &["max-age=31536000, immutable", "no-store"],
    ),
    (
        "cf-copy-destination-if-match",
        &["\"5d41402abc4b2a76b9719d911017c592\""],
    ),
    ("content-md5", &["1B2M2Y8AsgTpgAmY7PhCfg=="]),
    (
        "content-type",
        &["image/png", "text/markdown; charset=utf-8", ""],
    ),
    ("if-match", &["\"5d41402abc4b2a76b9719d911017c592\""]),
    ("range", &["bytes=0-99", "bytes=-5"]),
    ("x-amz-checksum-crc64nvme", &["rosUhgp5mIg="]),
    (
        "x-amz-copy-source",
        &["/photos/a%2Fb", "photos/%E7%8C%AB.png"],
    ),
    ("x-amz-meta-list", &["one"]),
    ("x-amz-meta-list", &["two", "one"]),
    (
        "x-amz-meta-name",
        &[
            "a b",
            "x/y",
            "plus+plus",
            "%2F",
            "two  spaces",
            " around ",
            "",
        ],
    ),
    ("x-amz-storage-class", &["STANDARD", "STANDARD_IA"]),
];
