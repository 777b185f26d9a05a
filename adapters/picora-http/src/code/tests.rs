use super::ErrorCode;

/// The table of the requirements, code by code.
const TABLE: &[(u16, &[&str])] = &[
    (202, &["RESTORING"]),
    (400, &["INVALID_REQUEST", "CONFIRMATION_REQUIRED"]),
    (401, &["UNAUTHENTICATED", "INVALID_SIGNATURE"]),
    (
        403,
        &[
            "FORBIDDEN",
            "QUOTA_EXCEEDED",
            "PLAN_REQUIRED",
            "PLAN_FORBIDS",
            "CAPTCHA_REQUIRED",
            "VIDEO_DEGRADED",
            "HOTLINK_FORBIDDEN",
            "ACCOUNT_DISABLED",
            "REFUND_NOT_ELIGIBLE",
        ],
    ),
    (404, &["NOT_FOUND"]),
    (409, &["CONFLICT", "GATEWAY_ACTIVE", "SNAPSHOT_USED"]),
    (410, &["SNAPSHOT_EXPIRED"]),
    (413, &["PAYLOAD_TOO_LARGE"]),
    (415, &["UNSUPPORTED_MEDIA_TYPE"]),
    (
        429,
        &[
            "RATE_LIMITED",
            "RATE_LIMIT",
            "IMAGE_THROTTLED",
            "EMAIL_RATE_LIMITED",
            "EMAIL_CIRCUIT_OPEN",
        ],
    ),
    (451, &["VIDEO_SUSPENDED"]),
    (500, &["INTERNAL"]),
    (503, &["ASSET_LOCKED", "UNAVAILABLE"]),
];

#[test]
fn the_codes_are_those_of_the_requirements_and_no_others() {
    let wanted = TABLE
        .iter()
        .flat_map(|(status, codes)| codes.iter().map(move |code| (*status, *code)));
    let mut wanted: Vec<(u16, &str)> = wanted.collect();
    let mut known: Vec<(u16, &str)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.status().as_u16(), code.wire()))
        .collect();
    wanted.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, wanted);
}

#[test]
fn every_429_and_unavailable_promise_a_retry_after() {
    let promising = ErrorCode::ALL
        .iter()
        .filter(|code| code.promises_retry_after());
    let mut promising: Vec<&str> = promising.map(|code| code.wire()).collect();
    promising.sort_unstable();
    let wanted = [
        "EMAIL_CIRCUIT_OPEN",
        "EMAIL_RATE_LIMITED",
        "IMAGE_THROTTLED",
        "RATE_LIMIT",
        "RATE_LIMITED",
        "UNAVAILABLE",
    ];
    assert_eq!(promising, wanted);
}
