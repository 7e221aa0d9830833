//! What SQS answers when it does not do what it was asked.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::wire::Reply;

/// The errors of SQS's API model, and the few that every AWS service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InternalError,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MalformedInput,
    MessageNotInflight,
    MissingParameter,
    OverLimit,
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
    ResourceNotFound,
    TooManyEntriesInBatchRequest,
    UnknownOperation,
    UnsupportedOperation,
}

impl Code {
    /// The name in the JSON protocol, the one in the older query protocol that the SDKs still report, and the status.
    fn wire(self) -> (&'static str, &'static str, StatusCode) {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        match self {
            Code::BatchEntryIdsNotDistinct => {
                ("com.amazonaws.sqs#BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", BAD)
            }
            Code::BatchRequestTooLong => {
                ("com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", BAD)
            }
            Code::EmptyBatchRequest => {
                ("com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", BAD)
            }
            Code::InternalError => {
                ("com.amazon.coral.service#InternalFailure", "InternalError", StatusCode::INTERNAL_SERVER_ERROR)
            }
            Code::InvalidAttributeName => ("com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", BAD),
            Code::InvalidAttributeValue => ("com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue", BAD),
            Code::InvalidBatchEntryId => {
                ("com.amazonaws.sqs#InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", BAD)
            }
            Code::InvalidMessageContents => ("com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents", BAD),
            Code::InvalidParameterValue => {
                ("com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", BAD)
            }
            Code::MalformedInput => ("com.amazon.coral.service#SerializationException", "MalformedInput", BAD),
            Code::MessageNotInflight => {
                ("com.amazonaws.sqs#MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", BAD)
            }
            Code::MissingParameter => {
                ("com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter", BAD)
            }
            Code::OverLimit => ("com.amazonaws.sqs#OverLimit", "OverLimit", StatusCode::FORBIDDEN),
            Code::QueueDoesNotExist => {
                ("com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", BAD)
            }
            Code::QueueNameExists => ("com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists", BAD),
            Code::ReceiptHandleIsInvalid => {
                ("com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", StatusCode::NOT_FOUND)
            }
            Code::ResourceNotFound => {
                ("com.amazonaws.sqs#ResourceNotFoundException", "ResourceNotFoundException", StatusCode::NOT_FOUND)
            }
            Code::TooManyEntriesInBatchRequest => (
                "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                BAD,
            ),
            Code::UnknownOperation => ("com.amazon.coral.service#UnknownOperationException", "InvalidAction", BAD),
            Code::UnsupportedOperation => {
                ("com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", BAD)
            }
        }
    }
}

/// A request, or an entry of a batch, that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: Code,
    message: String,
}

impl Refusal {
    /// A refusal in SQS's own words, as far as they are known.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    /// The queue is not there.
    pub(crate) fn no_such_queue() -> Refusal {
        Refusal::new(Code::QueueDoesNotExist, "The specified queue does not exist.")
    }

    /// The queue that an ARN parameter names is not there.
    pub(crate) fn no_such_resource(parameter: &str) -> Refusal {
        let message = format!("The resource that you specified for the {parameter} parameter doesn't exist.");
        Refusal::new(Code::ResourceNotFound, message)
    }

    /// A parameter that cannot be left out was.
    pub(crate) fn missing(parameter: &str) -> Refusal {
        Refusal::new(Code::MissingParameter, format!("The request must contain the parameter {parameter}."))
    }

    /// A parameter has a value that cannot be.
    pub(crate) fn invalid(parameter: &str, value: impl std::fmt::Display, reason: &str) -> Refusal {
        let message = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
        Refusal::new(Code::InvalidParameterValue, message)
    }

    /// What is wrong.
    #[cfg(test)]
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The refusal as the reply to a request.
    pub(crate) fn reply(&self) -> Reply {
        let (shape, query, status) = self.code.wire();
        let mut reply = Reply::error(shape, &self.message);
        reply.status = status;
        reply.query_error = Some(query.to_owned());
        reply
    }

    /// The refusal as an entry of a batch's `Failed`.
    pub(crate) fn entry(&self, id: &str) -> Value {
        let (_, query, status) = self.code.wire();
        json!({ "Id": id, "SenderFault": status.is_client_error(), "Code": query, "Message": self.message })
    }
}
