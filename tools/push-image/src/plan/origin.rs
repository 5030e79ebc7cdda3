//! From what each app's image comes: what the flags say, else the app's record. Pure.

use std::collections::BTreeMap;

use plumbing::{App, name};

/// The file that a directory is built by where nobody names another.
const DOCKERFILE: &str = "Dockerfile";

/// From what the image of an app comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A directory that is built.
    Context(Context),
    /// An OCI layout, or a tar file of one or of `docker save`.
    Archive(String),
    /// An image in a registry.
    Reference(String),
}

/// A directory that is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The directory: nothing outside of it is sent to the engine.
    pub directory: String,
    /// The Dockerfile, named from the directory.
    pub dockerfile: String,
    /// The stage that is built, if not the last.
    pub target: Option<String>,
    /// The build arguments, which may hold what nobody is to read.
    pub arguments: BTreeMap<String, String>,
}

impl Context {
    /// The path of the Dockerfile.
    pub fn dockerfile_path(&self) -> String {
        let directory = self.directory.trim_end_matches('/');
        format!("{directory}/{}", self.dockerfile)
    }
}

/// What the flags say, by app.
#[derive(Debug, Default)]
pub struct Origins {
    by_app: BTreeMap<String, Origin>,
    dockerfiles: BTreeMap<String, String>,
}

impl Origins {
    /// Puts the flags together.
    ///
    /// Errors: an app is named twice, or has a Dockerfile and no directory to build it in.
    pub fn new(
        contexts: &[(String, String)],
        dockerfiles: &[(String, String)],
        archives: &[(String, String)],
        references: &[(String, String)],
    ) -> Result<Self, String> {
        let mut origins = Origins::default();
        for (app, file) in dockerfiles {
            let before = origins.dockerfiles.insert(app.clone(), file.clone());
            if before.is_some() {
                return Err(format!("--dockerfile names app '{app}' twice"));
            }
        }
        for (app, directory) in contexts {
            let context = Context {
                directory: directory.clone(),
                dockerfile: origins.dockerfile(app, None),
                ..Context::default()
            };
            origins.add(app, Origin::Context(context))?;
        }
        for (app, path) in archives {
            origins.add(app, Origin::Archive(path.clone()))?;
        }
        for (app, reference) in references {
            origins.add(app, Origin::Reference(reference.clone()))?;
        }
        for app in origins.dockerfiles.keys() {
            let origin = origins.by_app.get(app);
            if let Some(Origin::Archive(_) | Origin::Reference(_)) = origin {
                return Err(format!(
                    "--dockerfile {app}=…, but no directory of app '{app}' is built"
                ));
            }
        }
        Ok(origins)
    }

    fn add(&mut self, app: &str, origin: Origin) -> Result<(), String> {
        if self.by_app.insert(app.to_string(), origin).is_some() {
            return Err(format!("two flags say what app '{app}' runs"));
        }
        Ok(())
    }

    /// The flag's Dockerfile, else the record's.
    fn dockerfile(&self, app: &str, of_record: Option<&str>) -> String {
        let of_flag = self.dockerfiles.get(app).map(String::as_str);
        of_flag.or(of_record).unwrap_or(DOCKERFILE).into()
    }

    /// What the flags name.
    pub fn all(&self) -> impl Iterator<Item = &Origin> {
        self.by_app.values()
    }

    /// The apps that the flags name.
    pub fn apps(&self) -> Vec<String> {
        self.by_app.keys().cloned().collect()
    }

    /// The origin of an app's image: the flag's, else its record's directory. How a directory is built the
    /// record says, whichever names it.
    pub fn of(&self, app: &App) -> Option<Origin> {
        let directory = match self.by_app.get(&app.name) {
            Some(Origin::Context(context)) => &context.directory,
            Some(other) => return Some(other.clone()),
            None => app.context.as_ref()?,
        };
        let building = &app.building;
        Some(Origin::Context(Context {
            directory: directory.clone(),
            dockerfile: self.dockerfile(&app.name, building.dockerfile.as_deref()),
            target: building.target.clone(),
            arguments: building.build_args.clone(),
        }))
    }
}

/// Reads a flag's value, `APP=PATH`.
pub fn flag(text: &str) -> Result<(String, String), String> {
    let (app, path) = image_flag(text)?;
    if path.is_empty() {
        return Err(format!("app '{app}' is given an empty path"));
    }
    if path.contains(char::is_control) {
        let shown = path.escape_debug();
        return Err(format!("app '{app}' is given '{shown}', which is no path"));
    }
    Ok((app, path))
}

/// Reads a flag's value, `APP=REFERENCE`; whether it is a reference is told later, with the reason.
pub fn image_flag(text: &str) -> Result<(String, String), String> {
    let (app, value) = text.split_once('=').ok_or("it is written APP=VALUE")?;
    name::check_part("app", app)?;
    Ok((app.to_string(), value.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pair(app: &str, value: &str) -> (String, String) {
        (app.into(), value.into())
    }

    fn app(text: Value) -> App {
        let mut fields = json!({"name": "web"});
        fields
            .as_object_mut()
            .unwrap()
            .extend(text.as_object().unwrap().clone());
        serde_json::from_value(fields).unwrap()
    }

    fn context(directory: &str, dockerfile: &str) -> Origin {
        Origin::Context(Context {
            directory: directory.into(),
            dockerfile: dockerfile.into(),
            ..Context::default()
        })
    }

    #[test]
    fn how_a_directory_is_built_the_record_says_whichever_names_it() {
        let fields = json!({
            "context": "./web", "dockerfile": "d/Dockerfile", "target": "run", "build_args": {"A": "b"},
        });
        let expected = |directory: &str, dockerfile: &str| {
            Some(Origin::Context(Context {
                directory: directory.into(),
                dockerfile: dockerfile.into(),
                target: Some("run".into()),
                arguments: BTreeMap::from([("A".to_string(), "b".to_string())]),
            }))
        };
        let app = app(fields);
        assert_eq!(
            Origins::default().of(&app),
            expected("./web", "d/Dockerfile")
        );
        let other = Origins::new(&[pair("web", "b")], &[], &[], &[]).unwrap();
        assert_eq!(other.of(&app), expected("b", "d/Dockerfile"));
        let flags = Origins::new(&[pair("web", "b")], &[pair("web", "D")], &[], &[]).unwrap();
        assert_eq!(flags.of(&app), expected("b", "D"));
    }

    #[test]
    fn a_flag_wins_over_the_directory_of_the_record() {
        let none = Origins::default();
        assert_eq!(none.of(&app(json!({}))), None);
        let with_context = app(json!({"context": "./web"}));
        assert_eq!(none.of(&with_context), Some(context("./web", "Dockerfile")));
        let archive = Origins::new(&[], &[], &[pair("web", "web.tar")], &[]).unwrap();
        assert_eq!(
            archive.of(&with_context),
            Some(Origin::Archive("web.tar".into()))
        );
        let file = Origins::new(&[], &[pair("web", "prod.Dockerfile")], &[], &[]).unwrap();
        assert_eq!(
            file.of(&with_context),
            Some(context("./web", "prod.Dockerfile"))
        );
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        let twice =
            Origins::new(&[pair("web", "a")], &[], &[pair("web", "b.tar")], &[]).unwrap_err();
        assert_eq!(twice, "two flags say what app 'web' runs");
        let dockerfile = pair("web", "Dockerfile");
        let odd = Origins::new(&[], &[dockerfile], &[], &[pair("web", "web:1")]).unwrap_err();
        assert_eq!(
            odd,
            "--dockerfile web=…, but no directory of app 'web' is built"
        );
        assert!(flag("web").is_err() && flag("Web=x").is_err() && flag("web=").is_err());
        assert_eq!(flag("web=a=b"), Ok(pair("web", "a=b")));
        let shown = flag("web=./web\r").unwrap_err();
        assert_eq!(shown, r"app 'web' is given './web\r', which is no path");
        assert_eq!(image_flag("web=web:1\r"), Ok(pair("web", "web:1\r")));
    }
}
