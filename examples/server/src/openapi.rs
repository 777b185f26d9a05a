//! The OpenAPI documents, from the route table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use picora_core::MediaKind;
use picora_http::{EXPOSED_HEADERS, ErrorCode};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, SchemaType, Type};

use crate::app::App;
use crate::routes::{Access, Route};

/// What the document says of a route.
#[derive(Debug)]
pub struct Doc {
    id: String,
    summary: String,
    internal: bool,
    parameters: Vec<Parameter>,
    request: Option<Value>,
    answers: Vec<(StatusCode, Value)>,
    errors: Vec<ErrorCode>,
    /// Whether it answers events instead of one JSON object.
    streams: bool,
    /// The shapes that it speaks of, by name.
    schemas: Vec<(String, Value)>,
}

/// A parameter of a route.
#[derive(Debug)]
pub struct Parameter(Value);

impl Doc {
    /// An operation with this id and this summary.
    pub fn new(id: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            summary: summary.into(),
            internal: false,
            parameters: Vec::new(),
            request: None,
            answers: Vec::new(),
            errors: Vec::new(),
            streams: false,
            schemas: Vec::new(),
        }
    }

    /// Not for the public document.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    /// With a parameter.
    #[must_use]
    pub fn with(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Takes a form with one file.
    #[must_use]
    pub fn uploads_a_form(mut self) -> Self {
        let form = json!({"type": "object", "required": ["file"], "additionalProperties": false, "properties": {
            "tags": tags(Type::Array),
            "is_public": {"enum": [true, false, 1, 0], "default": true},
            "file": {"type": "string", "minLength": 1, "contentMediaType": "application/octet-stream", "description": "The file; the last part."},
        }});
        self.request =
            Some(json!({"required": true, "content": {"multipart/form-data": {"schema": form}}}));
        self
    }

    /// Takes JSON of this shape.
    #[must_use]
    pub fn takes<T: ToSchema>(mut self) -> Self {
        let schema = self.known::<T>();
        self.request =
            Some(json!({"required": true, "content": {"application/json": {"schema": schema}}}));
        self
    }

    /// Answers `data` of this shape with this status.
    #[must_use]
    pub fn answers<T: ToSchema>(mut self, status: StatusCode) -> Self {
        let data = self.known::<T>();
        let schema = json!({"type": "object", "required": ["success", "data"], "properties": {
            "success": {"type": "boolean", "const": true}, "data": data,
        }});
        self.answers.push((status, schema));
        self
    }

    /// Answers events of this name without an end, whose data is JSON of this shape.
    #[must_use]
    pub fn streams<T: ToSchema>(mut self, event: &str) -> Self {
        self.known::<T>();
        let shape = T::name();
        let told = format!("Events `{event}`, whose data is JSON of the shape `{shape}`.");
        let schema = json!({"type": "string", "description": told});
        self.streams = true;
        self.answers.push((StatusCode::OK, schema));
        self
    }

    /// Can fail by these codes, besides those that every route of its kind can.
    #[must_use]
    pub fn fails(mut self, errors: impl IntoIterator<Item = ErrorCode>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// A reference to the schema of a type, which is listed with all that it refers to.
    fn known<T: ToSchema>(&mut self) -> Value {
        let mut shapes = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut shapes);
        let known = shapes
            .into_iter()
            .map(|(name, shape)| (name, serde_json::to_value(shape).unwrap_or_default()));
        self.schemas.extend(known);
        serde_json::to_value(Ref::from_schema_name(T::name())).unwrap_or_default()
    }
}

impl Parameter {
    /// A header that may be sent.
    #[must_use]
    pub fn header(name: &str, description: &str, schema: Value) -> Self {
        Self(
            json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema}),
        )
    }

    /// A member of the query that may be given.
    #[must_use]
    pub fn query(name: &str, description: &str, schema: Value) -> Self {
        Self(
            json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema}),
        )
    }

    /// The same, but it must be given.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.0["required"] = true.into();
        self
    }

    /// Any text.
    #[must_use]
    pub fn text() -> Value {
        json!({"type": "string"})
    }

    /// Visible ASCII characters, with spaces between them.
    #[must_use]
    pub fn visible(most: usize) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": most, "pattern": "^[!-~]([ -~]*[!-~])?$"})
    }

    /// An id of this kind: its prefix, then 128 bits in Crockford's base 32, so that the first of the 26 digits is below 8.
    #[must_use]
    pub fn id(kind: MediaKind) -> Value {
        let digits = "[0-7][0-9a-hjkmnp-tv-z]{25}";
        json!({"type": "string", "pattern": format!("^{}_{digits}$", kind.id_prefix())})
    }

    /// A whole number, both ends inclusive.
    #[must_use]
    pub fn number(least: u64, most: u64) -> Value {
        json!({"type": "integer", "minimum": least, "maximum": most})
    }
}

/// Tags, or null for those that there are.
#[must_use]
pub fn tags_or_null() -> Array {
    tags(SchemaType::from_iter([Type::Array, Type::Null]))
}

/// As [`picora_media::Tags`] takes them.
fn tags(kind: impl Into<SchemaType>) -> Array {
    let tag = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(TAG));
    let tags = ArrayBuilder::new().schema_type(kind).items(tag);
    tags.max_items(Some(32)).build()
}

/// 1 to 64 characters without control characters, and any space around them, which is taken off and not counted.
const TAG: &str = r"^\s*[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]{0,62}[^\s\u0000-\u001f\u007f-\u009f])?\s*$";

/// The three documents: everything, what clients may build on, and the rest (#250).
#[derive(Debug)]
pub struct Documents {
    all: Value,
    public: Value,
    internal: Value,
}

impl Documents {
    /// The documents of a route table.
    #[must_use]
    pub fn of(table: &[Route]) -> Self {
        let pick = |wanted: &dyn Fn(&Doc) -> bool| document(table, wanted);
        Self {
            all: pick(&|_| true),
            public: pick(&|doc| !doc.internal),
            internal: pick(&|doc| doc.internal),
        }
    }

    /// Everything.
    #[must_use]
    pub const fn all(&self) -> &Value {
        &self.all
    }

    /// Serves them under their names.
    pub fn router(self) -> Router<Arc<App>> {
        let serve = |document: Value| {
            let text = document.to_string();
            get(move || {
                let text = text.clone();
                async move {
                    (
                        [
                            ("content-type", "application/json"),
                            ("cache-control", "public, max-age=60"),
                        ],
                        text,
                    )
                        .into_response()
                }
            })
        };
        Router::new()
            .route("/openapi.json", serve(self.all))
            .route("/openapi-public.json", serve(self.public))
            .route("/openapi-internal.json", serve(self.internal))
    }
}

fn document(table: &[Route], wanted: &dyn Fn(&Doc) -> bool) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    for (route, doc) in table
        .iter()
        .filter_map(|route| Some((route, route.doc.as_ref().filter(|doc| wanted(doc))?)))
    {
        for (name, schema) in &doc.schemas {
            schemas.insert(
                name.clone(),
                serde_json::to_value(schema).unwrap_or_default(),
            );
        }
        for (number, path) in route.paths().into_iter().enumerate() {
            let operation = operation(route, doc, number);
            paths
                .entry(path)
                .or_default()
                .insert(route.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    schemas.insert("Error".to_owned(), error_schema());
    schemas.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Picora",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A media host: images, video, audio and Markdown, with quotas and rate limits that tell their numbers.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "sk_live_…"}},
        },
    })
}

fn operation(route: &Route, doc: &Doc, number: usize) -> Value {
    let throttled = route.tier().is_some();
    let mut parameters: Vec<Value> = doc
        .parameters
        .iter()
        .map(|parameter| parameter.0.clone())
        .collect();
    if route.path.contains("{id}") {
        parameters.push(
            json!({"name": "id", "in": "path", "required": true, "schema": Parameter::text()}),
        );
    }
    let id = if number == 0 {
        doc.id.clone()
    } else {
        format!("{}_alias", doc.id)
    };
    let mut operation = json!({"operationId": id, "summary": doc.summary, "parameters": parameters, "responses": responses(route, doc)});
    if let Some(request) = &doc.request {
        operation["requestBody"] = request.clone();
    }
    if let Some(tier) = route.tier() {
        operation["x-picora-tier"] = tier.name().into();
    }
    if throttled {
        operation["security"] = json!([{"apiKey": []}]);
    }
    if doc.internal {
        operation["x-internal"] = true.into();
    }
    operation
}

/// The answers, then for each status the codes that it can carry.
fn responses(route: &Route, doc: &Doc) -> Value {
    let throttled = route.tier().is_some();
    let mut responses = Map::new();
    for (status, schema) in &doc.answers {
        let content = match doc.streams {
            true => json!({"text/event-stream": {"schema": schema}}),
            false => json!({"application/json": {"schema": schema}}),
        };
        let described = json!({"description": status.canonical_reason().unwrap_or_default(), "headers": headers(throttled, false), "content": content});
        responses.insert(status.as_str().to_owned(), described);
    }
    let common: &[ErrorCode] = match route.access {
        Access::Everybody => &[],
        Access::Admin | Access::Caller => &[
            ErrorCode::Unauthenticated,
            ErrorCode::AccountDisabled,
            ErrorCode::RateLimited,
            ErrorCode::Internal,
            ErrorCode::Unavailable,
        ],
    };
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in doc.errors.iter().chain(common) {
        by_status
            .entry(code.status().as_u16())
            .or_default()
            .push(*code);
    }
    for (status, codes) in by_status {
        let told = codes
            .iter()
            .map(|code| format!("`{code}`: {}", code.meaning()))
            .collect::<Vec<_>>()
            .join(" ");
        let waits = codes.iter().any(|code| code.promises_retry_after());
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        let headers = headers(throttled && status == 429, waits);
        responses.insert(
            status.to_string(),
            json!({"description": told, "headers": headers, "content": content}),
        );
    }
    Value::Object(responses)
}

/// The headers of an answer; `required` is said outright, because a client may build on them.
fn headers(throttled: bool, waits: bool) -> Value {
    let mut headers = Map::new();
    for name in &EXPOSED_HEADERS {
        let (name, schema) = match name.as_str() {
            "x-request-id" => ("X-Request-Id".to_owned(), json!({"type": "string"})),
            "retry-after" if waits => (
                "Retry-After".to_owned(),
                json!({"type": "integer", "minimum": 1}),
            ),
            "retry-after" => continue,
            _ if throttled => (
                train_case(name.as_str()),
                json!({"type": "integer", "minimum": 0}),
            ),
            _ => continue,
        };
        headers.insert(name, json!({"required": true, "schema": schema}));
    }
    Value::Object(headers)
}

/// `x-ratelimit-limit` as the documents write it: `X-RateLimit-Limit`.
fn train_case(name: &str) -> String {
    let word = |word: &str| match word {
        "ratelimit" => "RateLimit".to_owned(),
        other => other[..1].to_ascii_uppercase() + &other[1..],
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// The same facts as a problem of RFC 9457, for who accepts `application/problem+json`.
fn problem_schema() -> Value {
    let mut properties = error_schema()["properties"].clone();
    for name in ["success", "error"] {
        properties
            .as_object_mut()
            .map(|members| members.remove(name));
    }
    properties["type"] = json!({"type": "string", "format": "uri-reference"});
    properties["title"] = json!({"type": "string"});
    properties["status"] = json!({"type": "integer", "minimum": 400, "maximum": 599});
    properties["detail"] = json!({"type": "string"});
    properties["violated-policies"] = json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "code", "meta", "requestId"],
        "properties": properties,
    })
}

fn error_schema() -> Value {
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.wire()).collect();
    json!({
        "type": "object",
        "required": ["success", "error", "code", "meta", "requestId"],
        "properties": {
            "success": {"type": "boolean", "const": false},
            "error": {"type": "string"},
            "code": {"type": "string", "enum": codes},
            "meta": {"type": "object", "additionalProperties": true},
            "requestId": {"type": "string"},
        },
    })
}
