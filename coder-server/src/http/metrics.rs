//! What Prometheus reads. Names are those that dashboards of the field know.

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::time::Duration;

/// The counters of the API and the registry that everything else is registered with.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    concurrent: Family<RouteLabels, Gauge>,
    websockets: Family<PathLabels, Gauge>,
    processed: Family<ProcessedLabels, Counter>,
    latencies: Family<RouteLabels, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PathLabels {
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProcessedLabels {
    code: u16,
    method: String,
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: String,
    revision: String,
}

impl Metrics {
    /// The metrics of the API in `registry`, which may hold others already.
    #[must_use]
    pub fn new(mut registry: Registry) -> Self {
        let build = Family::<BuildLabels, Gauge>::default();
        let labels = BuildLabels {
            version: crate::VERSION.to_owned(),
            revision: String::new(),
        };
        build.get_or_create(&labels).set(1);
        registry.register("coderd_build_info", "The version that runs", build);
        let concurrent = Family::default();
        let websockets = Family::default();
        let processed = Family::default();
        let latencies = Family::new_with_constructor(buckets as fn() -> Histogram);
        let help = "Requests that run now";
        registry.register("coderd_api_concurrent_requests", help, concurrent.clone());
        let help = "WebSockets that are open now";
        registry.register("coderd_api_concurrent_websockets", help, websockets.clone());
        let help = "Requests answered";
        registry.register("coderd_api_requests_processed", help, processed.clone());
        let help = "Seconds from a request to its answer";
        registry.register(
            "coderd_api_request_latencies_seconds",
            help,
            latencies.clone(),
        );
        Self {
            registry,
            concurrent,
            websockets,
            processed,
            latencies,
        }
    }

    /// Everything in the text form of OpenMetrics.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// Counts a request until the answer is known.
    pub(crate) fn begin(&self, method: &Method, route: &str) -> Running<'_> {
        let labels = RouteLabels {
            // Any token is a method; only the known ones may become labels.
            method: if is_known(method) {
                method.to_string()
            } else {
                "other".to_owned()
            },
            path: route.to_owned(),
        };
        self.concurrent.get_or_create(&labels).inc();
        Running {
            metrics: self,
            labels,
        }
    }

    /// Counts a WebSocket until the guard is dropped.
    pub(crate) fn websocket(&self, route: &str) -> OpenWebSocket {
        let labels = PathLabels {
            path: route.to_owned(),
        };
        let gauge = self.websockets.get_or_create(&labels).clone();
        gauge.inc();
        OpenWebSocket(gauge)
    }
}

fn buckets() -> Histogram {
    // From 1 ms to 30 s.
    Histogram::new([
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0,
    ])
}

fn is_known(method: &Method) -> bool {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::CONNECT,
    ];
    known.contains(method)
}

/// A request that runs; a client that goes away ends it too.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    metrics: &'a Metrics,
    labels: RouteLabels,
}

impl Running<'_> {
    /// Counts the answer.
    pub(crate) fn end(self, status: StatusCode, took: Duration) {
        let latencies = &self.metrics.latencies;
        latencies
            .get_or_create(&self.labels)
            .observe(took.as_secs_f64());
        let labels = ProcessedLabels {
            code: status.as_u16(),
            method: self.labels.method.clone(),
            path: self.labels.path.clone(),
        };
        self.metrics.processed.get_or_create(&labels).inc();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.metrics.concurrent.get_or_create(&self.labels).dec();
    }
}

/// A WebSocket that is open.
#[derive(Debug)]
pub(crate) struct OpenWebSocket(Gauge);

impl Drop for OpenWebSocket {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route() {
        let metrics = Metrics::new(Registry::default());
        let took = Duration::from_millis(3);
        metrics
            .begin(&Method::GET, "/api/v2/users")
            .end(StatusCode::OK, took);
        let odd = Method::from_bytes(b"ODD").expect("method");
        metrics
            .begin(&odd, "unmatched")
            .end(StatusCode::NOT_FOUND, took);
        let text = metrics.encode();
        for line in [
            r#"coderd_api_requests_processed_total{code="200",method="GET",path="/api/v2/users"} 1"#,
            r#"coderd_api_requests_processed_total{code="404",method="other",path="unmatched"} 1"#,
            r#"coderd_api_concurrent_requests{method="GET",path="/api/v2/users"} 0"#,
            r#"coderd_build_info{version=""#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
