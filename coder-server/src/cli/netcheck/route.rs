//! Which proxy stands between, as the HTTP client itself finds it.

use super::report::Finding;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// The first host that is connected to, and what is asked of it.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Where the deployment is.
    pub(super) target: Endpoint,
    /// What stands in front of it.
    pub(super) proxy: Option<Proxy>,
}

/// A host and a port, and whether TLS is spoken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

/// An HTTP proxy.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    pub(super) endpoint: Endpoint,
    /// The value of `Proxy-Authorization`.
    pub(super) authorization: Option<::http::HeaderValue>,
}

impl Endpoint {
    /// `host:port`, with brackets around an IPv6 address.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl Route {
    /// The way to a deployment.
    ///
    /// # Errors
    /// For a proxy that is not one of HTTP.
    pub(super) fn to(url: &Url, proxies: &Matcher) -> Result<Self, Finding> {
        let tls = url.scheme() == "https";
        let host = url.host_str().unwrap_or_default();
        let target = Endpoint {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
            tls,
        };
        let uri: ::http::Uri = url
            .as_str()
            .parse()
            .map_err(|error| Finding::error(format!("the URL is not usable: {error}")))?;
        let Some(found) = proxies.intercept(&uri) else {
            return Ok(Self {
                target,
                proxy: None,
            });
        };
        let scheme = found.uri().scheme_str().unwrap_or_default();
        let default = match scheme {
            "http" => 80,
            "https" => 443,
            other => {
                return Err(
                    Finding::error(format!("a proxy of type {other:?} is set")).hint(
                        "Set HTTPS_PROXY to the http:// address of a proxy that knows CONNECT.",
                    ),
                );
            }
        };
        let endpoint = Endpoint {
            host: found.uri().host().unwrap_or_default().to_owned(),
            port: found.uri().port_u16().unwrap_or(default),
            tls: scheme == "https",
        };
        Ok(Self {
            target,
            proxy: Some(Proxy {
                endpoint,
                authorization: found.basic_auth().cloned(),
            }),
        })
    }

    /// What the first connection goes to.
    pub(super) fn first(&self) -> &Endpoint {
        self.proxy
            .as_ref()
            .map_or(&self.target, |proxy| &proxy.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(url: &str) -> Result<Route, Finding> {
        let proxies = Matcher::builder()
            .https("http://user:secret@proxy.example:3128")
            .http("https://tls-proxy.example")
            .no("localhost,.internal.example,10.0.0.0/8")
            .build();
        Route::to(&Url::parse(url).expect("a URL"), &proxies)
    }

    #[test]
    fn proxies_are_those_of_the_http_client() {
        let through = route("https://coder.example").expect("a route");
        assert_eq!(through.first().authority(), "proxy.example:3128");
        assert!(through.proxy.expect("one").authorization.is_some());
        assert_eq!(through.target.authority(), "coder.example:443");
        let plain = route("http://coder.example:3000/x").expect("a route");
        assert_eq!(plain.first().authority(), "tls-proxy.example:443");
        for direct in [
            "https://localhost",
            "https://dev.internal.example",
            "http://10.1.2.3",
        ] {
            assert!(route(direct).expect(direct).proxy.is_none(), "{direct}");
        }
        let six = route("http://[::1]:3000").expect("a route");
        assert_eq!(six.target.authority(), "[::1]:3000");
    }
}
