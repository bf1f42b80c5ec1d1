//! Why a request of the client has no usable answer.

use std::io;

use crate::api::types::Problem;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No node listens at the socket.
    #[error("Chive is not running")]
    NotRunning,
    /// The node refused, and says why.
    #[error("{}", .0.detail)]
    Problem(Problem),
    /// The socket cannot be opened, the connection broke, or the node stayed silent for too long.
    #[error("the connection to the node failed")]
    Io(#[from] io::Error),
    /// What came is not what this version of the API says.
    #[error("the node's answer cannot be understood: {0}")]
    Protocol(String),
}
