//! All that an account has in one region, read service by service without the tools, whoever made
//! it. `account/kinds.rs` is the one list of what there can be.

mod kinds;

use crate::{LocalAws, Value, json, list, tags, text};
use kinds::{KINDS, Kind};

/// An account in one region of a local AWS.
pub struct Account<'a> {
    aws: &'a LocalAws,
    region: &'a str,
}

/// One thing of an account.
pub struct Resource {
    /// What it is, like `security group`.
    pub kind: &'static str,
    /// Its ID, or else its name or ARN; behind that of what it is of.
    pub id: String,
    /// What the list of its kind says of it.
    pub item: Value,
    /// What AWS answers to each further question about it; `refused` with a code where it does not.
    pub details: Vec<Value>,
}

impl<'a> Account<'a> {
    /// The account of a local AWS in a region.
    pub fn new(aws: &'a LocalAws, region: &'a str) -> Self {
        Account { aws, region }
    }

    /// Everything, whoever made it.
    pub fn resources(&self) -> Vec<Resource> {
        let mut all: Vec<Resource> = Vec::new();
        for kind in KINDS {
            if kind.of.is_empty() {
                all.extend(self.of_kind(kind, &Value::Null, ""));
                continue;
            }
            let mut found = Vec::new();
            for parent in all.iter().filter(|resource| resource.kind == kind.of) {
                found.extend(self.of_kind(kind, &parent.item, &format!("{}/", parent.id)));
            }
            all.extend(found);
        }
        all
    }

    fn of_kind(&self, kind: &Kind, parent: &Value, prefix: &str) -> Vec<Resource> {
        let params = self.params(kind.params, parent, &Value::Null);
        let answer = self
            .aws
            .call_in(self.region, kind.service, kind.list, params);
        let mut found = Vec::new();
        for item in list(&answer[kind.items]) {
            if item["State"] == "deleted" {
                continue; // AWS lists a NAT gateway for an hour
            }
            found.push(Resource {
                kind: kind.name,
                id: format!("{prefix}{}", kind.id_of(item)),
                item: item.clone(),
                details: self.details(kind, parent, item),
            });
        }
        found
    }

    /// Everything but what AWS itself puts into each account and each VPC.
    pub fn made(&self) -> Vec<Resource> {
        let all = self.resources();
        let default_vpc = all.iter().find(|vpc| vpc.item["IsDefault"] == true);
        let default_vpc = default_vpc.map(|vpc| vpc.item["VpcId"].clone());
        let of_aws = |resource: &Resource| resource.is_of_aws(default_vpc.as_ref());
        all.into_iter().filter(|one| !of_aws(one)).collect()
    }

    /// The names of all that is left, as `kind ID`; nothing where nobody has made anything.
    pub fn left(&self) -> Vec<String> {
        self.made().iter().map(Resource::name).collect()
    }

    /// Everything that carries the identity of an environment.
    pub fn of_environment(&self, env: &str) -> Vec<Resource> {
        let mut all = self.resources();
        all.retain(|resource| resource.tags()["plumbline:env"] == env);
        all
    }

    /// Asserts that this list reads what these calls changed (`service:Action`): each is one by
    /// which things of some kind are made, and of that kind there is something.
    ///
    /// # Panics
    /// Where it does not: then what such a call makes could stay behind, and no test would see it.
    pub fn reads_what_was_made_by(&self, changes: &[String]) {
        assert!(!changes.is_empty(), "nothing was changed");
        let made = self.made();
        for change in changes {
            let kind = KINDS.iter().find(|kind| kind.made_by.contains(&&**change));
            let kind = kind.unwrap_or_else(|| {
                panic!("{change} makes what the list of support/src/account/kinds.rs does not read")
            });
            assert!(
                made.iter().any(|resource| resource.kind == kind.name),
                "{change} has made something, and the list finds no {}",
                kind.name
            );
        }
    }

    fn details(&self, kind: &Kind, parent: &Value, item: &Value) -> Vec<Value> {
        let mut details = Vec::new();
        for (operation, params) in kind.details {
            let params = self.params(params, parent, item);
            let answer = self
                .aws
                .try_call_in(self.region, kind.service, operation, params.clone());
            details.push(match answer {
                Ok(answer) => answer,
                Err(error) => refused(operation, &params, &error),
            });
        }
        details
    }

    /// Parameters with their placeholders filled in; see [`Kind::details`].
    fn params(&self, template: &str, parent: &Value, item: &Value) -> Value {
        let mut params = template.replace("{region}", self.region);
        for (value, prefix) in [(parent, "parent"), (item, "item")] {
            if let Some(id) = value.as_str() {
                params = params.replace(&format!("{{{prefix}}}"), id);
            }
            for (field, value) in value.as_object().into_iter().flatten() {
                params = params.replace(&format!("{{{prefix}.{field}}}"), text(value));
            }
        }
        params
            .parse()
            .unwrap_or_else(|why| panic!("{why}: {params}"))
    }
}

impl Resource {
    /// `kind ID`.
    pub fn name(&self) -> String {
        format!("{} {}", self.kind, self.id)
    }

    /// Its tags, as an object; empty where it has none.
    pub fn tags(&self) -> Value {
        let answers = std::iter::once(&self.item).chain(&self.details);
        let found = answers.into_iter().find_map(find_tags);
        found.map(tags_of).unwrap_or_else(|| json!({}))
    }

    /// Whether AWS makes it by itself: the default VPC and what is in it, the default group and the
    /// main table of any VPC, roles of its own services.
    fn is_of_aws(&self, default_vpc: Option<&Value>) -> bool {
        let mut associations = list(&self.item["Associations"]).iter();
        default_vpc.is_some() && default_vpc == self.item.get("VpcId")
            || self.item["GroupName"] == "default"
            || associations.any(|association| association["Main"] == true)
            || text(&self.item["Path"]).starts_with("/aws-service-role/")
    }
}

/// What stands for an answer that AWS refuses to give: a bucket that is half made has no policy yet.
fn refused(operation: &str, params: &Value, error: &Value) -> Value {
    let of_boto3 = ["AttributeError", "ParamValidationError", "TypeError"];
    let code = text(&error["code"]);
    assert!(!of_boto3.contains(&code), "{operation} {params}: {error}");
    json!({"refused": code})
}

/// The first field with tags in an answer, whatever the service calls it.
fn find_tags(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(fields) => {
            let tags = ["Tags", "tags", "TagSet"];
            let found = tags.iter().find_map(|name| fields.get(*name));
            found.or_else(|| fields.values().find_map(find_tags))
        }
        Value::Array(items) => items.iter().find_map(find_tags),
        _ => None,
    }
}

fn tags_of(found: &Value) -> Value {
    if found.is_object() {
        found.clone()
    } else {
        tags(found)
    }
}
