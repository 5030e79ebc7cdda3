//! Every Lambda call about functions.

mod answer;
mod client;
mod get;
mod set;
mod wait_for;

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Architecture, FunctionCode, PackageType, Runtime};
use plumbing::{Result, aws_error, code, wait};

use crate::plan::{self, Have, State, Want};
use client::error_of_role;

pub use client::{Lambda, client};

/// A function that was deleted no longer exists within seconds.
const DELETED_DEADLINE: Duration = Duration::from_secs(5 * 60);

impl Lambda {
    /// Makes a function with its tags; answers false where one of that name is there already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let zip = Blob::new(want.code.zip.as_slice());
        let request = self
            .client
            .create_function()
            .function_name(&want.function)
            .package_type(PackageType::Zip)
            .code(FunctionCode::builder().zip_file(zip).build())
            .runtime(Runtime::from(plan::RUNTIME))
            .handler(plan::HANDLER)
            .architectures(Architecture::from(plan::ARCHITECTURE))
            .role(&want.role)
            .timeout(plan::TIMEOUT)
            .memory_size(plan::MEMORY)
            .description(&want.description)
            .publish(false)
            .set_tags(Some(want.tags.iter().cloned().collect()));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "lambda:CreateFunction", send).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "ResourceConflictException" => Ok(false),
            Err(error) => {
                let what = format!("create function {}", want.function);
                let role = &want.role;
                Err(error_of_role("lambda:CreateFunction", what, role, error))
            }
        }
    }

    /// Deletes a function and waits until it no longer exists.
    pub async fn delete(&self, name: &str, have: &Have) -> Result<()> {
        if have.state != State::Deleting {
            let request = self.client.delete_function().function_name(name);
            let send = || request.clone().send();
            match wait::retry(&self.aws.control, "lambda:DeleteFunction", send).await {
                Ok(_) => {}
                Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(()),
                Err(error) => {
                    let what = format!("delete function {name}");
                    return Err(aws_error("lambda:DeleteFunction", what, error));
                }
            }
        }
        let what = format!("function {name} is still there");
        wait::until(&self.aws.control, &what, DELETED_DEADLINE, || async {
            match self.get_function(name).await? {
                Some(_) => Ok(None),
                None => Ok(Some(())),
            }
        })
        .await
    }
}
