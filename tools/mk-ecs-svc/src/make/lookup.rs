//! Finding the services of apps: those of apps that arrive together are found in one call.

use std::cell::RefCell;
use std::collections::BTreeMap;

use plumbing::Result;
use tokio::sync::Mutex;

use crate::aws::Ecs;
use crate::plan::service::HaveService;

/// The services that were found, and those that no call has asked for yet.
pub struct ServiceLookup<'a> {
    ecs: &'a Ecs,
    /// The names that no call has asked for yet.
    noted: RefCell<Vec<String>>,
    /// By name.
    found: RefCell<BTreeMap<String, HaveService>>,
    /// Held during a call, so that whoever asks meanwhile waits for its answer.
    call: Mutex<()>,
}

impl<'a> ServiceLookup<'a> {
    /// Nothing is asked for yet.
    pub fn new(ecs: &'a Ecs) -> Self {
        ServiceLookup {
            ecs,
            noted: RefCell::default(),
            found: RefCell::default(),
            call: Mutex::default(),
        }
    }

    /// Has the next call ask for an app's service, also where one has before.
    pub fn note(&self, app: &str) {
        let name = self.ecs.aws.env.service_name(app);
        self.noted.borrow_mut().push(name);
    }

    /// The service of an app that was noted.
    ///
    /// Errors: it is not the environment's.
    pub async fn get(&self, app: &str) -> Result<Option<HaveService>> {
        let _call = self.call.lock().await;
        let noted = self.noted.take();
        if !noted.is_empty() {
            let services = self.ecs.find_services(&noted).await?;
            let mut found = self.found.borrow_mut();
            for service in services {
                found.insert(service.name.clone(), service);
            }
        }
        let env = &self.ecs.aws.env;
        let name = env.service_name(app);
        let found = self.found.borrow().get(&name).cloned();
        if let Some(service) = &found
            && !service.is_inactive()
        {
            env.check_ours(format!("service {name}"), &service.tags)?;
        }
        Ok(found)
    }
}
