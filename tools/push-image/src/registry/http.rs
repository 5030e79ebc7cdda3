//! Single requests to a registry. What opens it goes to its own host alone, wherever its answers
//! lead.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plumbing::connection::Way;
use plumbing::{Error, Result, Surroundings};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Body, Certificate, Client, Method, NoProxy, Proxy, RequestBuilder, Response, Url};
use tokio::time::timeout;

use crate::file::read_up_to;
use crate::plan::address;
use crate::registry::body;
use crate::registry::error::{Fault, Refusal};

/// How long a connection may take to open, and an answer to come.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// How often an answer may lead elsewhere: registries lead to their storage, once or twice.
const REDIRECTS: usize = 5;
/// The certificates of a machine are some 300 KB.
const LARGEST_BUNDLE: u64 = 16 << 20;

/// What a registry answers.
pub(super) type Answer<T> = std::result::Result<T, Fault>;

/// A client of one registry.
pub(super) struct Http {
    client: Client,
    /// Where it answers.
    pub(super) registry: Url,
    /// The variable of the proxy on the way.
    proxy: Option<String>,
    /// Whether anything has answered yet.
    reached: AtomicBool,
}

impl Http {
    /// Makes the client. A registry on this machine is not asked by way of a proxy.
    pub(super) fn new(registry: Url) -> Result<Self> {
        let surroundings = Surroundings::read()?;
        let proxy = surroundings.proxy_to(registry.as_str());
        let proxy = proxy.filter(|_| !address::is_this_machine(&registry));
        // Another part of this process may have chosen already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("push-image/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_DEADLINE)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .tls_certs_merge(certificates(&surroundings)?);
        if let Some((variable, url)) = &proxy {
            let unusable = |_| Error::usage(format!("{variable} is not the URL of an HTTP proxy"));
            let proxy = Proxy::all(url).map_err(unusable)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&surroundings.except)));
        }
        match builder.build() {
            Ok(client) => Ok(Http {
                client,
                registry,
                proxy: proxy.map(|(variable, _)| variable),
                reached: AtomicBool::new(false),
            }),
            Err(why) => {
                let message = format!("cannot make a client of the registry: {why}");
                Err(Error::refused(message))
            }
        }
    }

    /// Where the calls go, and whether any has come back.
    pub(super) fn way(&self) -> Way {
        Way {
            host: address::host_and_port(&self.registry),
            setting: "the name of the registry".into(),
            proxy: self.proxy.clone(),
            reached: self.reached.load(Ordering::Relaxed),
        }
    }

    /// The answer to a request, if it is not a page.
    async fn send(&self, request: RequestBuilder) -> Answer<Response> {
        let response = request.send().await?;
        self.reached.store(true, Ordering::Relaxed);
        let headers = response.headers();
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let is_page = kind.is_some_and(|kind| kind.starts_with("text/html"));
        if !is_page || !response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = body::read_error(response).await;
        Err(Fault::Refused(Refusal::new(status, &body)))
    }

    /// The address of something in the registry.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.registry.clone();
        url.set_path(path);
        url
    }

    /// Asks for something, wherever it is; answers what succeeded. A login goes to the registry
    /// alone.
    pub(super) async fn get(
        &self,
        method: Method,
        mut url: Url,
        accept: &str,
        login: Option<&HeaderValue>,
    ) -> Answer<Response> {
        for _ in 0..=REDIRECTS {
            let request = self.request(method.clone(), url.clone(), login);
            let response = self.send(request.header(ACCEPT, accept)).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return success(response).await;
            }
            url = location(&response)?;
        }
        Err(Fault::Unusable(
            "the registry leads elsewhere without an end".into(),
        ))
    }

    /// Asks how to sign in. It is not asked elsewhere: what opens that is none of the registry's.
    pub(super) async fn ping(&self) -> Answer<Response> {
        self.send(self.client.get(self.url("/v2/"))).await
    }

    /// Asks for a token, with a password where there is one.
    pub(super) async fn get_token(
        &self,
        url: Url,
        password: Option<&HeaderValue>,
    ) -> Answer<Vec<u8>> {
        let mut request = self.client.get(url);
        if let Some(password) = password {
            request = request.header(AUTHORIZATION, password);
        }
        let response = success(self.send(request).await?).await?;
        body::read(response, body::TOKEN, "a token").await
    }

    /// Begins an upload; answers where it goes.
    pub(super) async fn begin_upload(&self, url: Url, login: Option<&HeaderValue>) -> Answer<Url> {
        let request = self.request(Method::POST, url, login);
        let response = success(self.send(request.header(CONTENT_LENGTH, 0)).await?).await?;
        check_status(&response, 202)?;
        location(&response)
    }

    /// Stores what has a size and a type.
    pub(super) async fn put(
        &self,
        url: Url,
        content: Body,
        size: u64,
        media_type: HeaderValue,
        login: Option<&HeaderValue>,
    ) -> Answer<()> {
        let request = self.request(Method::PUT, url, login);
        let request = request
            .header(CONTENT_LENGTH, size)
            .header(CONTENT_TYPE, media_type);
        let response = success(self.send(request.body(content)).await?).await?;
        check_status(&response, 201)
    }

    fn request(&self, method: Method, url: Url, login: Option<&HeaderValue>) -> RequestBuilder {
        let is_registry = address::is_of(&self.registry, &url);
        let mut request = self.client.request(method, url);
        if let Some(login) = login
            && is_registry
        {
            request = request.header(AUTHORIZATION, login);
        }
        request
    }
}

/// Awaits an answer for as long as one may take.
pub(super) async fn in_time<T>(request: impl Future<Output = Answer<T>>) -> Answer<T> {
    match timeout(ANSWER_DEADLINE, request).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault::no_answer(ANSWER_DEADLINE)),
    }
}

/// The answer, if it is success; else what the registry says.
pub(super) async fn success(response: Response) -> Answer<Response> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let body = body::read_error(response).await;
    Err(Fault::Refused(Refusal::new(status, &body)))
}

fn check_status(response: &Response, expected: u16) -> Answer<()> {
    let status = response.status().as_u16();
    if status == expected {
        return Ok(());
    }
    Err(Fault::Unusable(format!(
        "the registry answered {status}, not {expected}"
    )))
}

/// Where an answer leads.
fn location(response: &Response) -> Answer<Url> {
    let header = response.headers().get(LOCATION);
    let Some(Ok(location)) = header.map(HeaderValue::to_str) else {
        return Err(Fault::Unusable(
            "the registry does not say where to go on".into(),
        ));
    };
    address::follow(response.url(), location).map_err(Fault::Unusable)
}

/// The certificates that the settings name, as for AWS.
fn certificates(surroundings: &Surroundings) -> Result<Vec<Certificate>> {
    let Some((path, setting)) = &surroundings.bundle else {
        return Ok(Vec::new());
    };
    let unusable = |why: String| Error::usage(format!("cannot read {setting} {path}: {why}"));
    let bytes = read_up_to(path.as_ref(), LARGEST_BUNDLE).map_err(unusable)?;
    Certificate::from_pem_bundle(&bytes).map_err(|why| unusable(why.to_string()))
}
