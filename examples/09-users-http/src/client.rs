//! A client of the service.

use anyhow::{Context, Result};
use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(crate) struct Client {
    url: String,
    http: reqwest::Client,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    headers: HeaderMap,
}

impl Client {
    pub(crate) fn new(url: String) -> Self {
        let http = reqwest::Client::new();
        Self { url, http }
    }

    pub(crate) fn create(&self, id: &str, email: &str) -> RequestBuilder {
        self.command(&json!({ "create": { "id": id, "email": email } }))
    }

    pub(crate) fn change_email(&self, id: &str, email: &str) -> RequestBuilder {
        self.command(&json!({ "change_email": { "id": id, "email": email } }))
    }

    /// A query that is answered when the views have reached what was written with this token.
    pub(crate) fn query(&self, path: &str, token: &str) -> RequestBuilder {
        let query = self.http.get(format!("{}{path}", self.url));
        query.header("consistency-token", token)
    }

    pub(crate) async fn events(&self, id: &str) -> Result<Answer> {
        let url = format!("{}/users/{id}/events", self.url);
        Answer::to(self.http.get(url)).await
    }

    fn command(&self, command: &Value) -> RequestBuilder {
        self.http.post(format!("{}/users", self.url)).json(command)
    }
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?;
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body)?
        };
        Ok(Self {
            status,
            body,
            headers,
        })
    }

    pub(crate) fn header(&self, name: &str) -> Result<&str> {
        let value = self.headers.get(name);
        let value = value.with_context(|| format!("no header {name} in {self:?}"))?;
        Ok(value.to_str()?)
    }
}
