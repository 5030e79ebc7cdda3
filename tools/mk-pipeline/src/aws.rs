//! Every CodePipeline call about pipelines; those about their runs are in `runs`.

mod declaration;
pub mod runs;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_codepipeline::Client;
use aws_sdk_codepipeline::config::Builder;
use aws_sdk_codepipeline::types::{PipelineDeclaration, Tag};
use plumbing::name::{PIPELINE_LIMIT, could_be};
use plumbing::{Aws, Result, aws_error, code, wait};
use tokio::try_join;

use crate::plan::{Have, Part, Structure, Want, with_gates};
use declaration::{declare, sdk_tags, structure_of};

/// A pipeline that exists by CreatePipeline's word shows within seconds.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);

/// CodePipeline, for one environment.
pub struct Pipelines {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Pipelines {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Pipelines {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Pipelines {
    /// The pipeline of a name, ours or not; one call deep. Of a pipeline just made, one of the two
    /// calls may not know yet: then it waits, since without its tags the pipeline would be taken
    /// for somebody else's.
    pub async fn get(&self, name: &str) -> Result<Option<Have>> {
        let what = format!("pipeline {name} exists, but CodePipeline does not show its tags");
        let get = async || match try_join!(self.structure(name), self.tags(name))? {
            (Some(structure), Some(tags)) => Ok(Some(Some(Have { structure, tags }))),
            (Some(_), None) => Ok(None),
            (None, _) => Ok(Some(None)),
        };
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    /// Waits for a pipeline that someone else just made.
    pub async fn wait_visible(&self, name: &str) -> Result<Have> {
        let what = format!("pipeline {name} exists, but CodePipeline does not show it");
        let get = || self.get(name);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    async fn structure(&self, name: &str) -> Result<Option<Structure>> {
        let declared = self.declaration(name).await?;
        let region = &self.aws.env.region;
        Ok(declared.map(|pipeline| structure_of(pipeline, region)))
    }

    async fn declaration(&self, name: &str) -> Result<Option<PipelineDeclaration>> {
        match self.client.get_pipeline().name(name).send().await {
            Ok(answer) => Ok(answer.pipeline),
            Err(error) if code(&error) == "PipelineNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("find pipeline {name}");
                Err(aws_error("codepipeline:GetPipeline", what, error))
            }
        }
    }

    /// A pipeline's tags; nothing where it does not exist.
    pub async fn tags(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let absent = ["ResourceNotFoundException", "PipelineNotFoundException"];
        let pages = self
            .client
            .list_tags_for_resource()
            .resource_arn(self.aws.env.arn("codepipeline", name))
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<Vec<Tag>, _>>().await {
            Ok(tags) => {
                let tags = tags.into_iter();
                Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
            }
            Err(error) if absent.contains(&code(&error)) => Ok(None),
            Err(error) => {
                let what = format!("read the tags of pipeline {name}");
                Err(aws_error("codepipeline:ListTagsForResource", what, error))
            }
        }
    }

    /// The names of all pipelines that could be the environment's.
    pub async fn list_names(&self) -> Result<Vec<String>> {
        let pages = self.client.list_pipelines().into_paginator().items().send();
        let listed = pages.collect::<Result<Vec<_>, _>>().await;
        let listed = listed.map_err(|error| {
            aws_error("codepipeline:ListPipelines", "list the pipelines", error)
        })?;
        let names = listed.into_iter().filter_map(|pipeline| pipeline.name);
        Ok(names
            .filter(|name| could_be(name, "pipeline", &self.aws.env.name, PIPELINE_LIMIT))
            .collect())
    }

    /// Makes a pipeline with its tags, which starts its first run; answers false where one of that
    /// name is there already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let request = self
            .client
            .create_pipeline()
            .pipeline(declare(&want.name, &want.structure, None)?)
            .set_tags(Some(sdk_tags(want)?));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "codepipeline:CreatePipeline", send).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "PipelineNameInUseException" => Ok(false),
            Err(error) => {
                let role = &want.structure.role;
                let what = format!("create pipeline {} with role {role}", want.name);
                Err(aws_error("codepipeline:CreatePipeline", what, error))
            }
        }
    }

    /// Brings one part of a pipeline into line.
    pub async fn set(&self, want: &Want, part: Part) -> Result<()> {
        match part {
            Part::Structure => self.update(want).await,
            Part::Tags => self.set_tags(want).await,
        }
    }

    /// Replaces all of a pipeline's structure. UpdatePipeline takes no tags, and starts nothing. It is
    /// read again: what makes it stricter stays as it is at this moment.
    async fn update(&self, want: &Want) -> Result<()> {
        let have = self.declaration(&want.name).await?;
        let structure = match have.clone() {
            Some(have) => {
                let have = structure_of(have, &self.aws.env.region);
                with_gates(&want.structure, &have)
            }
            None => want.structure.clone(),
        };
        let pipeline = declare(&want.name, &structure, have.as_ref())?;
        let request = self.client.update_pipeline().pipeline(pipeline);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "codepipeline:UpdatePipeline", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let role = &want.structure.role;
                let what = format!("update pipeline {} with role {role}", want.name);
                Err(aws_error("codepipeline:UpdatePipeline", what, error))
            }
        }
    }

    /// Sets the tags that are ours; others' tags stay.
    async fn set_tags(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(self.aws.env.arn("codepipeline", &want.name))
            .set_tags(Some(sdk_tags(want)?));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "codepipeline:TagResource", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag pipeline {}", want.name);
                Err(aws_error("codepipeline:TagResource", what, error))
            }
        }
    }

    /// Deletes a pipeline; one that does not exist is deleted as well.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let request = self.client.delete_pipeline().name(name);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "codepipeline:DeletePipeline", send).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "PipelineNotFoundException" => Ok(()),
            Err(error) => {
                let what = format!("delete pipeline {name}");
                Err(aws_error("codepipeline:DeletePipeline", what, error))
            }
        }
    }
}
