//! What Application Auto Scaling says of a service. It is asked only where the service's count is
//! not the wanted one.

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::config::Builder;
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use plumbing::{Result, aws_error};

use super::Ecs;

impl Ecs {
    /// The least and the most tasks of a service, if it is a scalable target.
    pub async fn get_scaling_limits(&self, service: &str) -> Result<Option<(i32, i32)>> {
        let config = Builder::from(&self.aws.config)
            .interceptor(self.aws.guard())
            .build();
        let request = Client::from_conf(config)
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_ids(format!("service/{}/{service}", self.cluster));
        match request.send().await {
            Ok(answer) => Ok(answer
                .scalable_targets()
                .first()
                .map(|target| (target.min_capacity, target.max_capacity))),
            Err(error) => {
                let what = format!("find out whether service {service} is scaled");
                Err(aws_error(
                    "application-autoscaling:DescribeScalableTargets",
                    what,
                    error,
                ))
            }
        }
    }
}
