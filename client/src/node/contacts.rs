//! Who our contacts are, and how people become one.

pub(crate) mod acceptance;
pub(crate) mod book;
pub(crate) mod cancelled_requests;
pub(crate) mod handle_jobs;
pub(crate) mod handles;
pub(crate) mod invitations;
pub(crate) mod requests;
