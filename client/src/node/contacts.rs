//! Our contacts, and how people become contacts: requests, invitations and handles.

pub(crate) mod acceptance;
pub(crate) mod book;
pub(crate) mod cancelled_requests;
pub(crate) mod handle_jobs;
pub(crate) mod handles;
pub(crate) mod invitations;
pub(crate) mod requests;
