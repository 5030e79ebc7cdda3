//! Every CodeConnections call. The service has two names, and ARNs of either; the newer takes both.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_codeconnections::Client;
use aws_sdk_codeconnections::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_codeconnections::config::retry::RetryConfig;
use aws_sdk_codeconnections::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_codeconnections::error::{BoxError, BuildError};
use aws_sdk_codeconnections::types::{ProviderType, Tag};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use futures_util::future::try_join_all;
use plumbing::{Aws, Env, Error, Result, Stream, aws_error, code, wait};

use crate::plan::{self, Have, MADE};

/// A connection just made may be unknown to the next call for some seconds.
const FRESH: &[(&str, &str)] = &[("ResourceNotFoundException", "")];
const FRESH_BUDGET: Duration = Duration::from_secs(60);

/// CodeConnections, and for whom.
pub struct Connections {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub(crate) aws: Aws,
    /// Whether the endpoint is one of the user's own: an emulator, which may lack the service.
    pub own_endpoint: bool,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Connections {
    let own_endpoint = aws.config.endpoint_url().is_some();
    let mut config = Builder::from(&aws.config).interceptor(aws.guard());
    if own_endpoint {
        config = config.interceptor(Lacking); // the last word: it comes after the guard's
    }
    Connections {
        client: Client::from_conf(config.build()),
        aws: aws.clone(),
        own_endpoint,
    }
}

/// An emulator that lacks the service answers each call with 500 and without AWS's code, which no
/// other attempt changes, and `ls-env` asks it for every environment. One such answer may be
/// trouble of a proxy's that passes, and a connection that is not listed is left behind: so many
/// in one call say that the service is not there, which takes about a second.
const BARE_ATTEMPTS: u32 = 6;

/// Ends a call after so many answers of that kind.
#[derive(Debug)]
struct Lacking;

/// How many of them a call has had.
#[derive(Clone, Copy, Debug, Default)]
struct Bare(u32);

impl Storable for Bare {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Lacking {
    fn name(&self) -> &'static str {
        "plumbline"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(answer) = context
            .response()
            .filter(|answer| answer.status().is_server_error())
        else {
            return Ok(());
        };
        let body = answer.body().bytes().unwrap_or_default();
        let coded = answer
            .headers()
            .get("x-amzn-errortype")
            .is_some_and(|code| !code.is_empty())
            || body
                .windows(b"\"__type\"".len())
                .any(|word| word == b"\"__type\"");
        if coded {
            return Ok(());
        }
        let Bare(met) = cfg.load::<Bare>().copied().unwrap_or_default();
        let state = cfg.interceptor_state();
        state.store_put(Bare(met + 1));
        if met + 1 >= BARE_ATTEMPTS {
            state.store_put(RetryConfig::standard().with_max_attempts(1));
        }
        Ok(())
    }
}

impl Connections {
    /// The connections of a name, with their tags; two calls deep.
    pub async fn named(&self, name: &str) -> Result<Vec<Have>> {
        let found = self
            .all()
            .await?
            .into_iter()
            .filter(|have| have.name == name);
        let tagged = try_join_all(found.map(|have| async {
            let tags = self.tags(&have.arn).await?;
            Ok::<_, Error>(tags.map(|tags| Have { tags, ..have }))
        }));
        Ok(tagged.await?.into_iter().flatten().collect())
    }

    /// All connections to GitHub, without their tags. The SDK has no paginator for this call.
    pub async fn all(&self) -> Result<Vec<Have>> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self
                .client
                .list_connections()
                .provider_type_filter(ProviderType::Github);
            let answer = request.max_results(100).set_next_token(token).send().await;
            let answer = answer.map_err(|e| {
                aws_error("codeconnections:ListConnections", "find the connection", e)
            })?;
            all.extend(answer.connections.unwrap_or_default().into_iter().map(have));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// The connection of an ARN, without its tags.
    pub async fn get(&self, arn: &str) -> Result<Option<Have>> {
        match self
            .client
            .get_connection()
            .connection_arn(arn)
            .send()
            .await
        {
            Ok(answer) => Ok(answer.connection.map(have)),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "codeconnections:GetConnection",
                format!("look at connection {arn}"),
                error,
            )),
        }
    }

    /// A connection's tags; nothing where it is gone.
    pub async fn tags(&self, arn: &str) -> Result<Option<BTreeMap<String, String>>> {
        match self
            .client
            .list_tags_for_resource()
            .resource_arn(arn)
            .send()
            .await
        {
            Ok(answer) => Ok(Some(
                answer
                    .tags
                    .unwrap_or_default()
                    .into_iter()
                    .map(|tag| (tag.key, tag.value))
                    .collect(),
            )),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("read the tags of connection {arn}");
                Err(aws_error(
                    "codeconnections:ListTagsForResource",
                    what,
                    error,
                ))
            }
        }
    }

    /// Makes a connection with its tags. A person must finish it.
    pub async fn create(&self, name: &str) -> Result<Have> {
        let request = self
            .client
            .create_connection()
            .connection_name(name)
            .provider_type(ProviderType::Github);
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let mut tags = self.aws.env.tags_of(name);
        tags.push((MADE.into(), now.as_micros().to_string()));
        let answer = request.set_tags(Some(sdk_tags(&tags)?)).send().await;
        let answer = answer.map_err(|e| {
            aws_error(
                "codeconnections:CreateConnection",
                format!("create connection {name}"),
                e,
            )
        })?;
        let (name, arn, status) = (
            name.to_string(),
            answer.connection_arn,
            "PENDING".to_string(),
        );
        Ok(Have {
            name,
            arn,
            status,
            tags: tags.into_iter().collect(),
        })
    }

    /// Looks again after making one, since AWS keeps no two from having one name: of two runs, both
    /// take the same, and the others go, which nobody can have finished yet.
    pub async fn elected(&self, name: &str, made: Have) -> Result<Have> {
        let mut found: Vec<Have> = self
            .named(name)
            .await?
            .into_iter()
            .filter(|have| self.aws.env.owns(&have.tags))
            .collect();
        if found.iter().all(|have| have.arn != made.arn) {
            found.push(made.clone()); // the listing lags behind
        }
        let stays = plan::elect(found.iter().cloned()).unwrap_or(made);
        for arn in plan::losers(&self.aws.env, &found, &stays) {
            self.delete(&arn).await?;
        }
        Ok(stays)
    }

    /// Sets a connection's tags to ours; others' tags stay.
    pub async fn retag(&self, arn: &str, name: &str) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(sdk_tags(&self.aws.env.tags_of(name))?));
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer.map(drop).map_err(|e| {
            aws_error(
                "codeconnections:TagResource",
                format!("tag connection {name}"),
                e,
            )
        })
    }

    /// Deletes a connection; the handshake is lost with it.
    pub async fn delete(&self, arn: &str) -> Result<()> {
        match self
            .client
            .delete_connection()
            .connection_arn(arn)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
            Err(error) => Err(aws_error(
                "codeconnections:DeleteConnection",
                format!("delete connection {arn}"),
                error,
            )),
        }
    }
}

fn sdk_tags(tags: &[(String, String)]) -> Result<Vec<Tag>> {
    let tags = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    // The SDK's builder wants key and value, and gets them.
    tags.collect::<Result<_, BuildError>>()
        .map_err(|why| Error::refused(why.to_string()))
}

fn have(connection: aws_sdk_codeconnections::types::Connection) -> Have {
    Have {
        name: connection.connection_name.unwrap_or_default(),
        arn: connection.connection_arn.unwrap_or_default(),
        status: connection
            .connection_status
            .map(|status| status.as_str().to_string())
            .unwrap_or_default(),
        tags: BTreeMap::new(),
    }
}
