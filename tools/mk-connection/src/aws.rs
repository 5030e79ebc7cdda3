//! Every CodeConnections call. The service has two names, and ARNs of either; the newer takes both.

mod no_service;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_codeconnections::Client;
use aws_sdk_codeconnections::config::{Builder, Region};
use aws_sdk_codeconnections::types::{Connection, ProviderType, Tag};
use futures_util::future::try_join_all;
use plumbing::{Aws, Error, Result, aws_error, code, wait};

use crate::plan::{self, CREATED, Have, PENDING};
use no_service::NoService;

/// CodeConnections, for one environment.
pub struct Connections {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
    /// Whether the endpoint is one of the user's own: an emulator, which may lack the service.
    pub own_endpoint: bool,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Connections {
    client_in(aws, &aws.env.region)
}

/// The same for a connection that was adopted, which may be of another region.
pub fn client_of(aws: &Aws, arn: &str) -> Connections {
    client_in(aws, plan::region_of(&aws.env, arn))
}

fn client_in(aws: &Aws, region: &str) -> Connections {
    let own_endpoint = aws.config.endpoint_url().is_some();
    let mut config = Builder::from(&aws.config)
        .interceptor(aws.guard())
        .region(Region::new(region.to_string()));
    if own_endpoint {
        config = config.interceptor(NoService); // after the guard, so that its word is the last
    }
    Connections {
        client: Client::from_conf(config.build()),
        aws: aws.clone(),
        own_endpoint,
    }
}

impl Connections {
    /// The connections of a name, with their tags; two calls deep.
    pub async fn list_by_name(&self, name: &str) -> Result<Vec<Have>> {
        let listed = self.list().await?;
        let named = listed.into_iter().filter(|have| have.name == name);
        let tagged = try_join_all(named.map(|have| self.with_tags(have))).await?;
        Ok(tagged.into_iter().flatten().collect())
    }

    /// All connections to GitHub, without their tags. The SDK has no paginator for this call.
    pub async fn list(&self) -> Result<Vec<Have>> {
        let request = self
            .client
            .list_connections()
            .provider_type_filter(ProviderType::Github)
            .max_results(100);
        let mut list = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let answer = request.clone().set_next_token(token).send().await;
            let answer = answer.map_err(|error| {
                let what = "find the connection";
                aws_error("codeconnections:ListConnections", what, error)
            })?;
            list.extend(answer.connections.into_iter().flatten().map(have_of));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(list);
            }
        }
    }

    /// The connection of an ARN, without its tags.
    pub async fn get(&self, arn: &str) -> Result<Option<Have>> {
        let request = self.client.get_connection().connection_arn(arn);
        match request.send().await {
            Ok(answer) => Ok(answer.connection.map(have_of)),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("look at connection {arn}");
                Err(aws_error("codeconnections:GetConnection", what, error))
            }
        }
    }

    /// A connection's tags; nothing where it does not exist.
    pub async fn tags(&self, arn: &str) -> Result<Option<BTreeMap<String, String>>> {
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        match request.send().await {
            Ok(answer) => {
                let tags = answer.tags.into_iter().flatten();
                Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
            }
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("read the tags of connection {arn}");
                let operation = "codeconnections:ListTagsForResource";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Adds a connection's tags; answers nothing where the connection went away meanwhile.
    async fn with_tags(&self, have: Have) -> Result<Option<Have>> {
        match self.tags(&have.arn).await? {
            Some(tags) => Ok(Some(Have { tags, ..have })),
            None => Ok(None),
        }
    }

    /// Makes a connection with its tags. A person must finish it.
    pub async fn create(&self, name: &str) -> Result<Have> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let microseconds = now.unwrap_or_default().as_micros();
        let mut tags = self.aws.env.tags_of(name);
        tags.push((CREATED.into(), microseconds.to_string()));
        let request = self
            .client
            .create_connection()
            .connection_name(name)
            .provider_type(ProviderType::Github)
            .set_tags(Some(sdk_tags(&tags)?));
        let operation = "codeconnections:CreateConnection";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(answer) => Ok(Have {
                name: name.into(),
                arn: answer.connection_arn,
                status: PENDING.into(),
                tags: tags.into_iter().collect(),
            }),
            Err(error) => {
                let what = format!("create connection {name}");
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Lists again after making one, since AWS keeps no two from having one name: of two runs, both
    /// keep the same, and delete the others, which nobody can have finished yet.
    pub async fn keep_one(&self, name: &str, created: Have) -> Result<Have> {
        let env = &self.aws.env;
        let mut found = self.list_by_name(name).await?;
        if found.iter().all(|have| have.arn != created.arn) {
            found.push(created.clone()); // the listing lags behind
        }
        let kept = plan::elect(env, &found).unwrap_or(&created);
        for arn in plan::duplicates(env, &found, kept) {
            self.aws.voice.say(&plan::word_of_duplicate(&arn));
            self.delete(&arn).await?;
        }
        Ok(kept.clone())
    }

    /// Sets the tags that are ours; others' tags stay.
    pub async fn set_tags(&self, arn: &str, name: &str) -> Result<()> {
        let tags = self.aws.env.tags_of(name);
        let request = self
            .client
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(sdk_tags(&tags)?));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "codeconnections:TagResource", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag connection {name}");
                Err(aws_error("codeconnections:TagResource", what, error))
            }
        }
    }

    /// Deletes a connection; the handshake is lost with it.
    pub async fn delete(&self, arn: &str) -> Result<()> {
        let request = self.client.delete_connection().connection_arn(arn);
        let operation = "codeconnections:DeleteConnection";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
            Err(error) => {
                let what = format!("delete connection {arn}");
                Err(aws_error(operation, what, error))
            }
        }
    }
}

fn sdk_tags(tags: &[(String, String)]) -> Result<Vec<Tag>> {
    let mut list = Vec::new();
    for (key, value) in tags {
        let tag = Tag::builder().key(key).value(value).build();
        // The SDK's builder wants key and value, and gets them.
        list.push(tag.map_err(|why| Error::refused(why.to_string()))?);
    }
    Ok(list)
}

fn have_of(connection: Connection) -> Have {
    let status = match connection.connection_status {
        Some(status) => status.as_str().to_string(),
        None => String::new(),
    };
    Have {
        name: connection.connection_name.unwrap_or_default(),
        arn: connection.connection_arn.unwrap_or_default(),
        status,
        tags: BTreeMap::new(),
    }
}
