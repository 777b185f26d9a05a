//! The one table of error codes.

use std::fmt;

use http::StatusCode;

macro_rules! error_codes {
    ($($name:ident = $status:ident $wire:literal, $when:literal;)*) => {
        /// What went wrong, in words that clients decide by.
        ///
        /// The enum is closed, and so is the one in the OpenAPI document. **Source**: requirements, table "Error codes".
        ///
        /// ```
        /// use picora_http::ErrorCode;
        /// assert_eq!(ErrorCode::QuotaExceeded.wire(), "QUOTA_EXCEEDED");
        /// assert_eq!(ErrorCode::QuotaExceeded.status(), 403);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $when] $name,)*
        }

        impl ErrorCode {
            /// Every code, by status.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it stands in a body.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// The status that goes with it.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// When it is answered, as a sentence for documents.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $when,)* }
            }
        }
    };
}

error_codes! {
    Restoring = ACCEPTED "RESTORING", "The asset was archived and is on its way back.";
    ConfirmationRequired = BAD_REQUEST "CONFIRMATION_REQUIRED", "A bulk delete came without the exact word.";
    InvalidRequest = BAD_REQUEST "INVALID_REQUEST", "The input is malformed or missing; `meta.field` says which.";
    InvalidSignature = UNAUTHORIZED "INVALID_SIGNATURE", "A webhook's signature does not match.";
    Unauthenticated = UNAUTHORIZED "UNAUTHENTICATED", "There is no credential, or it is unknown or revoked.";
    AccountDisabled = FORBIDDEN "ACCOUNT_DISABLED", "The account is blocked for abuse; `meta.until` says how long.";
    CaptchaRequired = FORBIDDEN "CAPTCHA_REQUIRED", "After the third request a captcha is due; `meta.level` says which.";
    Forbidden = FORBIDDEN "FORBIDDEN", "The caller is not an admin.";
    HotlinkForbidden = FORBIDDEN "HOTLINK_FORBIDDEN", "Another site embeds the asset.";
    PlanForbids = FORBIDDEN "PLAN_FORBIDS", "The plan does not include this kind of media.";
    PlanRequired = FORBIDDEN "PLAN_REQUIRED", "The account has no plan.";
    QuotaExceeded = FORBIDDEN "QUOTA_EXCEEDED", "A dimension of the plan is used up; `meta` has its numbers.";
    RefundNotEligible = FORBIDDEN "REFUND_NOT_ELIGIBLE", "The refund rule does not cover the payment.";
    VideoDegraded = FORBIDDEN "VIDEO_DEGRADED", "The video is degraded and has no 360p file to play.";
    NotFound = NOT_FOUND "NOT_FOUND", "It does not exist, or is not the caller's to see: one cannot tell which.";
    Conflict = CONFLICT "CONFLICT", "An idempotency key came with another request, or a concurrent change won.";
    GatewayActive = CONFLICT "GATEWAY_ACTIVE", "Another gateway renews the subscription.";
    SnapshotUsed = CONFLICT "SNAPSHOT_USED", "The snapshot's token is spent.";
    SnapshotExpired = GONE "SNAPSHOT_EXPIRED", "The snapshot is older than five minutes.";
    PayloadTooLarge = PAYLOAD_TOO_LARGE "PAYLOAD_TOO_LARGE", "The body is above the server's hard cap.";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "UNSUPPORTED_MEDIA_TYPE", "The content is not of the route's kind.";
    EmailCircuitOpen = TOO_MANY_REQUESTS "EMAIL_CIRCUIT_OPEN", "All code mails of this minute are used up.";
    EmailRateLimited = TOO_MANY_REQUESTS "EMAIL_RATE_LIMITED", "Too many code mails to this address or from this client.";
    ImageThrottled = TOO_MANY_REQUESTS "IMAGE_THROTTLED", "The account's images are above their bandwidth.";
    RateLimit = TOO_MANY_REQUESTS "RATE_LIMIT", "The plan's uploads of this day or month are used up.";
    RateLimited = TOO_MANY_REQUESTS "RATE_LIMITED", "Too many requests.";
    VideoSuspended = UNAVAILABLE_FOR_LEGAL_REASONS "VIDEO_SUSPENDED", "The account's videos are above 120 % of their bandwidth.";
    Internal = INTERNAL_SERVER_ERROR "INTERNAL", "The server's own fault; the request id finds the line in its log.";
    AssetLocked = SERVICE_UNAVAILABLE "ASSET_LOCKED", "The asset's restore is stuck.";
    Unavailable = SERVICE_UNAVAILABLE "UNAVAILABLE", "A store cannot be reached.";
}

impl ErrorCode {
    /// Whether every answer with it says when to come back: all 429s, and [`ErrorCode::Unavailable`].
    #[must_use]
    pub fn promises_retry_after(self) -> bool {
        self.status() == StatusCode::TOO_MANY_REQUESTS || self == Self::Unavailable
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire())
    }
}

#[cfg(test)]
mod tests;
