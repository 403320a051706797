//! The gRPC services of a Terraform plugin.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use prost::Message;
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::provider::Provider;
use super::wire;

/// The largest message. What a template and its state hold goes through one at a time; the longest
/// texts in them are scripts.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Answers the calls of one connection.
#[derive(Clone, Debug)]
pub(super) struct Services {
    provider: Arc<Provider>,
    shutdown: Arc<Notify>,
}

impl Services {
    /// `shutdown` is told when Terraform asks the provider to end.
    pub(super) fn new(provider: Provider, shutdown: Arc<Notify>) -> Self {
        Self {
            provider: Arc::new(provider),
            shutdown,
        }
    }

    pub(super) async fn call(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        Ok(self.route(request.map(Body::new)).await)
    }

    async fn route(&self, request: Request<Body>) -> Response<Body> {
        match request.uri().path() {
            "/tfplugin6.Provider/GetProviderSchema" => self.unary(request, Provider::schema).await,
            "/tfplugin6.Provider/ValidateProviderConfig" => {
                self.unary(request, Provider::validate_provider).await
            }
            "/tfplugin6.Provider/ConfigureProvider" => {
                self.unary(request, Provider::configure).await
            }
            "/tfplugin6.Provider/ValidateResourceConfig" => {
                self.unary(request, Provider::validate_resource).await
            }
            "/tfplugin6.Provider/ValidateDataResourceConfig" => {
                self.unary(request, Provider::validate_data_source).await
            }
            "/tfplugin6.Provider/UpgradeResourceState" => {
                self.unary(request, Provider::upgrade).await
            }
            "/tfplugin6.Provider/ReadResource" => self.unary(request, Provider::read).await,
            "/tfplugin6.Provider/PlanResourceChange" => self.unary(request, Provider::plan).await,
            "/tfplugin6.Provider/ApplyResourceChange" => self.unary(request, Provider::apply).await,
            "/tfplugin6.Provider/ReadDataSource" => {
                self.unary(request, Provider::read_data_source).await
            }
            // No call takes long enough to be stopped.
            "/tfplugin6.Provider/StopProvider" => {
                self.unary(request, |_, _: wire::Empty| wire::Empty {})
                    .await
            }
            "/plugin.GRPCController/Shutdown" => {
                let response = self
                    .unary(request, |_, _: wire::Empty| wire::Empty {})
                    .await;
                self.shutdown.notify_one();
                response
            }
            _ => Status::new(Code::Unimplemented, "").into_http(),
        }
    }

    async fn unary<Req, Resp>(
        &self,
        request: Request<Body>,
        call: fn(&Provider, Req) -> Resp,
    ) -> Response<Body>
    where
        Req: Message + Default + Send + 'static,
        Resp: Message + Default + Send + 'static,
    {
        Grpc::new(ProstCodec::<Resp, Req>::default())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
            .unary(
                Call {
                    provider: Arc::clone(&self.provider),
                    call,
                },
                request,
            )
            .await
    }
}

/// One method, as the codec wants it.
struct Call<Req, Resp> {
    provider: Arc<Provider>,
    call: fn(&Provider, Req) -> Resp,
}

impl<Req, Resp: Message> UnaryService<Req> for Call<Req, Resp> {
    type Response = Resp;
    type Future = Ready<Result<tonic::Response<Resp>, Status>>;

    fn call(&mut self, request: tonic::Request<Req>) -> Self::Future {
        let response = (self.call)(&self.provider, request.into_inner());
        ready(Ok(tonic::Response::new(response)))
    }
}
