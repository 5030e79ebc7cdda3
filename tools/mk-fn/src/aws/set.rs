//! The calls that bring a function into line.

use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, DeadLetterConfig, Environment, EphemeralStorage, LogFormat, LoggingConfig,
    Runtime,
};
use plumbing::{Error, Result, aws_error, wait};

use super::client::{Lambda, error_of_role};
use crate::plan::{self, Part, Want};

impl Lambda {
    /// Brings parts into line, one after the other: Lambda refuses two changes of one function at
    /// once.
    pub async fn mend(&self, want: &Want, parts: Vec<Part>) -> Result<()> {
        let name = &want.function;
        self.wait_idle(name).await?;
        for part in parts {
            match part {
                Part::Code => self.set_code(want).await?,
                Part::Configuration => self.set_configuration(want).await?,
                Part::Invocation => self.set_invocation(name).await?,
                Part::Concurrency => self.delete_concurrency(name).await?,
                Part::Tags => self.set_tags(want).await?,
            }
        }
        self.wait_ready(name).await
    }

    /// Sets the code, and waits until Lambda has done that.
    async fn set_code(&self, want: &Want) -> Result<()> {
        let name = &want.function;
        let request = self
            .client
            .update_function_code()
            .function_name(name)
            .zip_file(Blob::new(want.code.zip.as_slice()))
            .architectures(Architecture::from(plan::ARCHITECTURE))
            .publish(false);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "lambda:UpdateFunctionCode", send).await {
            Ok(_) => self.wait_idle(name).await.map(drop),
            Err(error) => {
                let what = format!("set the code of function {name}");
                Err(aws_error("lambda:UpdateFunctionCode", what, error))
            }
        }
    }

    /// Sets the configuration, and waits until Lambda has done that.
    async fn set_configuration(&self, want: &Want) -> Result<()> {
        let name = &want.function;
        let request = self.configuration(want)?;
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "lambda:UpdateFunctionConfiguration",
            send,
        )
        .await
        {
            Ok(_) => self.wait_idle(name).await.map(drop),
            Err(error) => {
                let operation = "lambda:UpdateFunctionConfiguration";
                let what = format!("configure function {name}");
                Err(error_of_role(operation, what, &want.role, error))
            }
        }
    }

    /// The request that sets the configuration. Lambda keeps what is not said, so all of it is said but
    /// for what may be stricter: subnets, key, tracing.
    fn configuration(&self, want: &Want) -> Result<UpdateFunctionConfigurationFluentBuilder> {
        let no_variables = Environment::builder().set_variables(Some(Default::default()));
        let logs = LoggingConfig::builder()
            .log_format(LogFormat::from(plan::LOG_FORMAT))
            .log_group(&want.log_group);
        let no_queue = DeadLetterConfig::builder().target_arn("");
        let disk = EphemeralStorage::builder().size(plan::DISK);
        // The SDK's builder wants a size, and gets it.
        let disk = disk
            .build()
            .map_err(|why| Error::refused(why.to_string()))?;
        let request = self
            .client
            .update_function_configuration()
            .function_name(&want.function)
            .runtime(Runtime::from(plan::RUNTIME))
            .handler(plan::HANDLER)
            .role(&want.role)
            .timeout(plan::TIMEOUT)
            .memory_size(plan::MEMORY)
            .description(&want.description)
            .environment(no_variables.build())
            .logging_config(logs.build())
            .set_layers(Some(Vec::new()))
            .set_file_system_configs(Some(Vec::new()))
            .dead_letter_config(no_queue.build())
            .ephemeral_storage(disk);
        Ok(request)
    }

    /// Sets what follows where the function does not end well; what is not said here is taken away.
    pub async fn set_invocation(&self, name: &str) -> Result<()> {
        let request = self
            .client
            .put_function_event_invoke_config()
            .function_name(name)
            .maximum_retry_attempts(plan::RETRIES)
            .maximum_event_age_in_seconds(plan::EVENT_AGE);
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "lambda:PutFunctionEventInvokeConfig",
            send,
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(error) => {
                let operation = "lambda:PutFunctionEventInvokeConfig";
                let what = format!("set the retries of function {name}");
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Lets as many run at once as the account has left.
    async fn delete_concurrency(&self, name: &str) -> Result<()> {
        let request = self
            .client
            .delete_function_concurrency()
            .function_name(name);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "lambda:DeleteFunctionConcurrency", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("take away the reserved concurrency of function {name}");
                Err(aws_error("lambda:DeleteFunctionConcurrency", what, error))
            }
        }
    }

    /// Sets the tags that are ours; others' tags stay.
    async fn set_tags(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource(plan::arn(&self.aws.env, &want.function))
            .set_tags(Some(want.tags.iter().cloned().collect()));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "lambda:TagResource", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag function {}", want.function);
                Err(aws_error("lambda:TagResource", what, error))
            }
        }
    }
}
