use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::booked::{Booked, Command, Refused, decide, evolve};

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Account {
    balance: Option<u64>,
}

impl DomainEvent for Booked {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "Opened".to_owned(),
            Self::Deposited { .. } => "Deposited".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Command;
    type Event = Booked;
    type Error = Refused;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refused> {
        let event = decide(self.balance, command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Booked) {
        self.balance = evolve(self.balance, &event);
    }
}
