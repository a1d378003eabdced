//! Every error code that the API answers with: its status, what it means, and what to do next. `docs/errors.md` is written
//! from this table, the OpenAPI document names its codes, and a refusal can't be made without a row of it.

use http::StatusCode;

/// A stable error code.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// As in `error` of the error body. It never changes its meaning.
    pub code: &'static str,
    /// The status that it comes with.
    pub status: StatusCode,
    /// What happened.
    pub about: &'static str,
    /// What the caller can do.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $status:ident, $about:literal, $remedy:literal;)*) => {
        $(
            #[doc = $about]
            pub(crate) const $name: &ErrorCode =
                &ErrorCode { code: $code, status: StatusCode::$status, about: $about, remedy: $remedy };
        )*
        /// All of them, by status.
        pub const CODES: &[&ErrorCode] = &[$($name),*];
    };
}

codes! {
    INVALID_REQUEST = "invalid_request", BAD_REQUEST,
        "A field, header or query parameter is not as it must be.",
        "`details.fields` names each and says what is allowed.";
    MALFORMED_JSON = "malformed_json", BAD_REQUEST,
        "The body is not valid JSON.",
        "The message says at which line and column.";
    JSON_TOO_DEEP = "json_too_deep", BAD_REQUEST,
        "Lists and objects are nested more deeply than is taken.",
        "Flatten it; `details.limitDepth` says how deep it may be.";
    MALFORMED_QUERY = "malformed_query", BAD_REQUEST,
        "The query is not valid percent-encoded UTF-8.",
        "Encode it as forms do.";
    MALFORMED_FORM = "malformed_form", BAD_REQUEST,
        "The form is not valid percent-encoded UTF-8, or `multipart/form-data`, or has too many fields.",
        "Encode it as browsers do; a file can be sent by itself as the body, too.";
    BODY_CUT_OFF = "body_cut_off", BAD_REQUEST,
        "The body ended before it was complete.",
        "Send it again; with an `Idempotency-Key` that is always safe.";
    UNSUPPORTED_TYPE = "unsupported_type", BAD_REQUEST,
        "The file is none of those that are taken, by its first bytes.",
        "`details.taken` lists the types that are.";
    TYPE_MISMATCH = "type_mismatch", BAD_REQUEST,
        "The file's name, type or kind says something else than its bytes.",
        "`details.found` says what it is; name it so, or say nothing.";
    INVALID_FILE = "invalid_file", BAD_REQUEST,
        "The file was looked into, and is not taken: it is damaged, or beyond the bounds of its kind.",
        "`details.reason` says why in one word, and the message what is allowed.";
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED,
        "There is no key and no session, or it is not good: mistyped, expired, revoked or ended.",
        "Send `Authorization: Bearer mgs_…`, or sign in. `studio key create` makes a key.";
    SIGN_IN_FAILED = "sign_in_failed", UNAUTHORIZED,
        "The address or the password is wrong, or the account is disabled: nobody is told which.",
        "Try again, or have whoever runs the studio make a link to choose a new password.";
    OVER_BUDGET = "over_budget", PAYMENT_REQUIRED,
        "It could cost more than a budget has left.",
        "`details` has the budget as it stands, and when counting begins anew. Ask for less, wait, or have it raised: `studio budget set`.";
    UNPRICED_MODEL = "unpriced_model", PAYMENT_REQUIRED,
        "The model has no price, and there is a budget to keep.",
        "Give it one: `[models.prices]` in studio.toml.";
    MISSING_SCOPE = "missing_scope", FORBIDDEN,
        "The key or session is good but may not do this.",
        "The message names the scope. Use a key that has it: `studio key create --scopes`; or have your role raised: `studio user role`.";
    CSRF_REFUSED = "csrf_refused", FORBIDDEN,
        "A request by the cookie of a session does not come from a page of this studio, or lacks its token.",
        "Send `X-CSRF-Token` as `GET /api/v1/auth/session` tells it, from a page of this studio; a program uses an API key.";
    BOUNDED_KEY = "bounded_key", FORBIDDEN,
        "A key that has a budget, limits or an end of its own, or lacks a scope, can't make a key or a link that is free of them.",
        "Use a key without bounds, or sign in.";
    NOT_ALLOWED = "not_allowed", FORBIDDEN,
        "Your role does not let you do this to them, or give this.",
        "Only an owner changes an owner, or makes one; only whoever runs the studio gives a key rate limits of its own.";
    NOT_FOUND = "not_found", NOT_FOUND,
        "It is absent, or it is another's: nobody is told which.",
        "Check the path and the id; `GET /docs` lists the paths.";
    METHOD_NOT_ALLOWED = "method_not_allowed", METHOD_NOT_ALLOWED,
        "The path is there, but not with this method.",
        "`Allow` names those that it takes.";
    BODY_TOO_SLOW = "body_too_slow", REQUEST_TIMEOUT,
        "The body did not arrive in time.",
        "Send it again, faster or smaller.";
    LINK_NOT_GOOD = "link_not_good", CONFLICT,
        "There is no such link, or it is used, over or withdrawn.",
        "Ask whoever runs the studio for another one.";
    ADDRESS_TAKEN = "address_taken", CONFLICT,
        "Somebody has that address already.",
        "Use another address, or sign in.";
    LAST_OWNER = "last_owner", CONFLICT,
        "They are the last owner who is not disabled.",
        "Make another owner first.";
    TOO_MANY_KEYS = "too_many_keys", CONFLICT,
        "You have as many good keys as one person makes.",
        "Revoke one that you do not need, with `DELETE /api/v1/keys/{id}`.";
    NO_SESSION = "no_session", CONFLICT,
        "This needs a session, and the request came by an API key.",
        "Sign in.";
    CANCELED = "canceled", CONFLICT,
        "The job was canceled while the caller waited for it.",
        "Make a new request if it is still wanted.";
    JOB_OVER = "job_over", CONFLICT,
        "The job is over, so it can't be canceled.",
        "`details.status` says how it ended.";
    NOT_TO_RETRY = "not_to_retry", CONFLICT,
        "The job is not over yet, or it has a result.",
        "Wait for its end, or make a new request.";
    NOT_TO_SETTLE = "not_to_settle", CONFLICT,
        "The job is not in a state in which a person may say what became of it.",
        "`details.status` says where it stands.";
    INPUT_GONE = "input_gone", CONFLICT,
        "A picture that the request needs was removed: before the job was done again, or while the request was on its way.",
        "`details.assetId` names it. Make a new request with another picture.";
    MODEL_GONE = "model_gone", CONFLICT,
        "The job's model is not in the catalog any more.",
        "Make a new request with another model.";
    PROVIDER_NOT_CONFIGURED = "provider_not_configured", CONFLICT,
        "Nobody runs this model here. To try again helps only once its provider is configured.",
        "`GET /api/v1/models` says which are `available`; the operator configures providers.";
    OWN_KEY_GONE = "own_key_gone", CONFLICT,
        "The job was paid by an own key, which was erased when it was over; the studio does not pay in its place.",
        "Send the key with the retry (`x-api-key-<provider>`), or store it: `PUT /api/v1/provider-keys/{provider}`.";
    OWN_KEY_UNUSABLE = "own_key_unusable", CONFLICT,
        "Your own key for the provider is stored, and can't be opened any more.",
        "Set it again, or remove it: `/api/v1/provider-keys`. The operator finds more by `studio secret status`.";
    NO_STREAM = "no_stream", CONFLICT,
        "The job says nothing: it makes files.",
        "Follow its events: `GET /api/v1/jobs/{id}/events`.";
    ASSET_IN_USE = "asset_in_use", CONFLICT,
        "A job that is not over needs the asset.",
        "`details.jobId` names the job: cancel it, or wait for its end.";
    FILE_TOO_LARGE = "too_large", PAYLOAD_TOO_LARGE,
        "The file has more bytes than files of its kind may have.",
        "`details.limitBytes` says how many it may have, `details.receivedBytes` how many it has.";
    QUOTA_EXCEEDED = "quota_exceeded", PAYLOAD_TOO_LARGE,
        "What you brought, by uploads or inside requests, would have more bytes together than it may have.",
        "`details` has the quota and what is used of it. Remove what you don't need: `DELETE /api/v1/assets/{id}`.";
    BODY_TOO_LARGE = "body_too_large", PAYLOAD_TOO_LARGE,
        "The body is larger than the route takes.",
        "`details.limitBytes` says how large it may be.";
    URI_TOO_LONG = "uri_too_long", URI_TOO_LONG,
        "Path and query are too long.",
        "Put what is long into the body.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE,
        "The body is not announced as what the route takes, such as plain JSON in UTF-8.",
        "Send `Content-Type: application/json`, or that of a form where a page takes one, and no `Content-Encoding`.";
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable", RANGE_NOT_SATISFIABLE,
        "The range lies outside of the asset.",
        "`details.bytes` says how long it is.";
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", UNPROCESSABLE_ENTITY,
        "The `Idempotency-Key` named a request with another body.",
        "Take a new key for a new request.";
    RATE_LIMITED = "rate_limited", TOO_MANY_REQUESTS,
        "The limit of this kind of call is reached.",
        "Wait as long as `Retry-After` says; `details.class` names the limit, and `RateLimit` tells what is left on every answer.";
    TOO_MANY_AT_ONCE = "too_many_at_once", TOO_MANY_REQUESTS,
        "So many requests of this user wait for something already.",
        "Wait for some of them, or don't wait: `Prefer: wait=0`.";
    QUEUE_FULL = "queue_full", TOO_MANY_REQUESTS,
        "As many jobs wait for the provider as may.",
        "Try again when some of them are done; `details.whose` says whose they are.";
    HEADERS_TOO_LARGE = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The headers are too large or too many.",
        "Send fewer; often it is cookies.";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR,
        "A bug of ours.",
        "Tell the operator the `requestId`: the log has more under it.";
    GENERATION_FAILED = "generation_failed", BAD_GATEWAY,
        "The job failed at its provider.",
        "`details.reason` says why and `details.cost` what was charged. A new request makes a new job.";
    OVERLOADED = "overloaded", SERVICE_UNAVAILABLE,
        "Too many requests wait here. Nothing was accepted.",
        "Try again after `Retry-After`.";
    BUSY = "busy", SERVICE_UNAVAILABLE,
        "Too much waits for the database.",
        "Try again after `Retry-After`.";
    STOPPING = "stopping", SERVICE_UNAVAILABLE,
        "The server is about to stop.",
        "Try again after `Retry-After`; what was accepted goes on.";
    SECRETS_UNAVAILABLE = "secrets_unavailable", SERVICE_UNAVAILABLE,
        "Own keys can't be sealed now: the master key can't be read.",
        "Try again; the operator finds more in the log and by `studio secret status`.";
    STORE_UNAVAILABLE = "store_unavailable", SERVICE_UNAVAILABLE,
        "The database can't be used now.",
        "Try again; the operator finds more in the log and by `studio doctor`.";
    BLOBS_UNAVAILABLE = "blobs_unavailable", SERVICE_UNAVAILABLE,
        "The asset's bytes can't be read now.",
        "Try again; the operator finds more in the log and by `studio doctor`.";
    DEADLINE_EXCEEDED = "deadline_exceeded", GATEWAY_TIMEOUT,
        "The job's deadline passed before it was done.",
        "Give it more time, or none.";
    NO_SPACE = "no_space", INSUFFICIENT_STORAGE,
        "The disk is full. Nothing was accepted.",
        "The operator makes room; reading goes on meanwhile.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_plain_and_name_one_thing() {
        for code in CODES {
            assert!(code.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", code.code);
            assert!(code.status.is_client_error() || code.status.is_server_error());
            assert_eq!(CODES.iter().filter(|other| other.code == code.code).count(), 1, "{}", code.code);
        }
        assert!(CODES.is_sorted_by_key(|code| code.status), "sorted by status, as docs/errors.md shows them");
    }
}
