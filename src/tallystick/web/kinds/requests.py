"""Problems of the request itself: its form, its key, its conditions; and of the server."""

from tallystick.web.kinds.kind import Kind

REQUESTS = {
    "request.path_unknown": Kind(
        404,
        "Nothing at this address",
        "No page and no operation has this address.",
        "Compare the path with the ones listed under /docs. Addresses have no slash at their end.",
    ),
    "request.method_unknown": Kind(
        405,
        "Not possible with this method",
        "The address exists, but not for this HTTP method.",
        "Use one of the methods that the Allow header of the answer names.",
    ),
    "request.too_large": Kind(
        413,
        "The body is too large",
        "A request body may have at most 1 MiB, or 8 MiB where many items are sent at once. This "
        "one has more, and was not read.",
        "Divide the request into smaller ones.",
    ),
    "request.too_many": Kind(
        429,
        "Too many requests",
        "A credential may send only so many requests at once and in each second; so may a network "
        "that sends no credential, or wrong ones. This request was not looked at.",
        "Wait as long as Retry-After says, and repeat the request. An operator can raise the "
        "limits.",
        retryable=True,
    ),
    "request.media_type": Kind(
        415,
        "The body is not declared as JSON",
        "Bodies are read as JSON only, and only when the Content-Type header says so.",
        "Send the header Content-Type: application/json.",
    ),
    "request.content_encoding": Kind(
        415,
        "The body is compressed",
        "Compressed request bodies are not accepted, since a small one may unpack to a huge one.",
        "Send the body as it is, without a Content-Encoding header.",
    ),
    "request.json_malformed": Kind(
        400,
        "The body is not JSON",
        "The body could not be read as JSON (RFC 8259). Numbers beyond all bounds, NaN, half "
        "surrogate pairs, members named twice and nesting deeper than 200 are refused as well.",
        "Let a JSON library write the body. The detail names the place where reading stopped.",
    ),
    "request.invalid": Kind(
        422,
        "The request has a wrong shape",
        "A member or parameter is missing, unknown, of the wrong type, or outside its limits. "
        "Each fault stands in errors, with a JSON pointer to its place.",
        "Correct every place that errors names. /docs shows each member with an example.",
    ),
    "idempotency.key_malformed": Kind(
        422,
        "The Idempotency-Key cannot be used",
        "An Idempotency-Key has 1 to 255 printable ASCII characters.",
        "Use a fresh random identifier, such as a UUID, for each new request.",
    ),
    "idempotency.key_reused": Kind(
        422,
        "The Idempotency-Key belongs to another request",
        "A different request was sent under this key before. Nothing was done now.",
        "Send a new key with a new request, or the first request unchanged to see its answer.",
    ),
    "precondition.required": Kind(
        428,
        "The version that you saw is needed",
        "A change says in If-Match which version of the object it was made for, so that nobody "
        "overwrites what somebody else just wrote.",
        "Read the object and send its ETag in the If-Match header.",
    ),
    "precondition.stale": Kind(
        412,
        "Somebody else was quicker",
        "The object has changed since the version that If-Match names. Nothing was written.",
        "Read it again, repeat your change on what you see, and send the new ETag.",
    ),
    "paging.cursor_unknown": Kind(
        422,
        "This cursor does not belong here",
        "A cursor is the next of an earlier page of the same list with the same filters. This one "
        "comes from another list, was shortened, or was changed.",
        "Send the cursor exactly as it came, with the same filters, or start at the first page.",
    ),
    "server.error": Kind(
        500,
        "We made a mistake",
        "Something failed in the server that should not. The details are in its log, under the "
        "request_id of the answer.",
        "Repeat the request with the same Idempotency-Key: it has an effect at most once. If it "
        "fails again, give the request_id to whoever runs the server.",
        retryable=True,
    ),
    "server.unavailable": Kind(
        503,
        "Not possible just now",
        "The server is very busy, is shutting down, or cannot reach its database. After a time-out "
        "the outcome is unknown.",
        "Wait as long as Retry-After says and repeat the request with the same Idempotency-Key.",
        retryable=True,
    ),
    "server.not_ready": Kind(
        503,
        "The server is not ready",
        "The database cannot be reached, its tables are not those of this version, or an older "
        "contract that knows only one organization was called without a key and there are several.",
        "Look at the detail. tallystick doctor says what is wrong, tallystick migrate up brings "
        "the tables up to date; where the organization is not known, send an API key of it.",
        retryable=True,
    ),
}
