//! How requests are read: axum's extractors, so that a request that cannot be read becomes an error
//! of the API's own.

/// Defines what both APIs read of a path and a query, for an error type with a function
/// `malformed(status, detail)`: the extractor `Query`, and the error's conversions.
#[macro_export]
macro_rules! extractors {
    ($error:ident) => {
        /// The parameters of a query.
        pub(super) struct Query<T>(pub(super) T);

        impl<T: ::serde::de::DeserializeOwned, S: Send + Sync> ::axum::extract::FromRequestParts<S>
            for Query<T>
        {
            type Rejection = $error;

            async fn from_request_parts(
                parts: &mut ::axum::http::request::Parts,
                state: &S,
            ) -> Result<Self, $error> {
                let ::axum::extract::Query(query) =
                    ::axum::extract::Query::from_request_parts(parts, state).await?;
                Ok(Self(query))
            }
        }

        impl From<::axum::extract::rejection::PathRejection> for $error {
            fn from(rejection: ::axum::extract::rejection::PathRejection) -> Self {
                Self::malformed(rejection.status(), rejection.body_text())
            }
        }

        impl From<::axum::extract::rejection::QueryRejection> for $error {
            fn from(rejection: ::axum::extract::rejection::QueryRejection) -> Self {
                Self::malformed(rejection.status(), rejection.body_text())
            }
        }
    };
}
