//! The SDK's errors as ours: by error code and HTTP status, never by message.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::error::{Error, ErrorKind};

/// The error of a call. `what` says in words what was tried and on which thing; `otherwise` is the kind of a refusal that
/// neither its code nor its status tells more about.
pub fn classify<E>(error: SdkError<E, HttpResponse>, what: impl Into<String>, otherwise: ErrorKind) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let kind = kind(&error, otherwise);
    let mut message = what.into();
    if let Some(text) = error.as_service_error().and_then(|service| service.meta().message()) {
        message = format!("{message}: {text}");
    }
    Error::caused(kind, message, aws_sdk_s3::error::BoxError::from(error))
}

fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, otherwise: ErrorKind) -> ErrorKind {
    match error {
        SdkError::ConstructionFailure(_) => ErrorKind::Configuration,
        SdkError::TimeoutError(_) => ErrorKind::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ErrorKind::TimedOut,
        SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => ErrorKind::Unavailable,
        SdkError::ServiceError(service) => {
            let by_code = service.err().meta().code().and_then(by_code);
            by_code.or_else(|| by_status(service.raw().status().as_u16())).unwrap_or(otherwise)
        }
        _ => otherwise,
    }
}

fn by_code(code: &str) -> Option<ErrorKind> {
    // JSON services may qualify the code: `com.amazonaws.sqs#QueueDoesNotExist`.
    let code = code.rsplit('#').next().unwrap_or(code);
    Some(match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "SlowDown"
        | "OverLimit"
        | "ActiveStatementsExceededException"
        | "ActiveSessionsExceededException"
        | "ServiceQuotaExceededException" => ErrorKind::Throttled,
        "RequestTimeout" | "RequestTimeoutException" | "QueryTimeoutException" => ErrorKind::TimedOut,
        "InternalError"
        | "InternalFailure"
        | "InternalServerException"
        | "ServiceUnavailable"
        | "DatabaseConnectionException"
        | "KMSThrottling"
        | "OperationAborted"
        | "ConditionalRequestConflict" => ErrorKind::Unavailable,
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "MissingAuthenticationToken"
        | "KMS.AccessDeniedException" => ErrorKind::Permission,
        "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "NoSuchBucket"
        | "ResourceNotFoundException" => ErrorKind::MissingResource,
        "NoSuchKey" | "NoSuchVersion" | "NotFound" => ErrorKind::ObjectGone,
        "PreconditionFailed" => ErrorKind::ObjectReplaced,
        "ReceiptHandleIsInvalid" | "MessageNotInflight" => ErrorKind::LeaseLost,
        _ => return None,
    })
}

fn by_status(status: u16) -> Option<ErrorKind> {
    match status {
        401 | 403 => Some(ErrorKind::Permission),
        404 => Some(ErrorKind::ObjectGone),
        412 => Some(ErrorKind::ObjectReplaced),
        429 => Some(ErrorKind::Throttled),
        500..=599 => Some(ErrorKind::Unavailable),
        _ => None,
    }
}

/// Whether a conditional write found that somebody was first (HTTP 412).
pub fn is_precondition_failed<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|response| response.status().as_u16() == 412)
}
