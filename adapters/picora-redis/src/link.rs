//! One connection, made again after a failure.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Value};
use tokio::sync::Mutex;

use crate::error::Failure;
use crate::request::Request;

/// A way to a Redis or to a cluster. Many calls may be under way at once on the one connection.
///
/// After a call without an answer the connection is given up: answers come in order, and what is late would be taken for another's.
#[derive(Debug)]
pub(crate) struct Link {
    to: Target,
    deadline: Duration,
    connection: Mutex<Option<Connection>>,
}

#[derive(Debug)]
enum Target {
    Single(Client),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Single(_) => "Single(..)",
            Self::Cluster(_) => "Cluster(..)",
        })
    }
}

impl Link {
    /// To one server; nothing is sent yet.
    pub(crate) fn single(url: &str, deadline: Duration) -> redis::RedisResult<Self> {
        Ok(Self::to(Target::Single(Client::open(url)?), deadline))
    }

    /// To a cluster, by any of its nodes; nothing is sent yet.
    pub(crate) fn cluster(urls: Vec<String>, deadline: Duration) -> redis::RedisResult<Self> {
        let client = ClusterClient::builder(urls)
            .connection_timeout(deadline.saturating_mul(4))
            .response_timeout(deadline)
            .retries(0) // a script whose answer was lost may have run: it is not sent again
            .build()?;
        Ok(Self::to(Target::Cluster(Box::new(client)), deadline))
    }

    fn to(to: Target, deadline: Duration) -> Self {
        Self {
            to,
            deadline,
            connection: Mutex::new(None),
        }
    }

    /// Whether all keys of a call must be in one slot.
    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self.to, Target::Cluster(_))
    }

    /// Sees to it that there is a connection: a failure here means that nothing was sent.
    pub(crate) async fn ready(&self) -> Result<(), Failure> {
        self.connected().await.map(drop)
    }

    /// Runs the script; once more with its text when Redis has forgotten it, which a script that did not run allows.
    pub(crate) async fn call(&self, request: &Request) -> Result<Value, Failure> {
        match self.send(request.by_name()).await {
            Err(Failure::Refused(text))
                if text.contains("NoScript") || text.contains("NOSCRIPT") =>
            {
                self.send(request.by_text()).await
            }
            // The slot is elsewhere, so nothing has run: once more, with a new view of the cluster.
            Err(Failure::Moved(_)) => self.send(request.by_text()).await,
            answer => answer,
        }
    }

    /// Runs a command that may be repeated: once more when the slot is elsewhere.
    #[cfg(feature = "echo")]
    pub(crate) async fn run(&self, command: &Cmd) -> Result<Value, Failure> {
        match self.send(command.clone()).await {
            Err(Failure::Moved(_)) => self.send(command.clone()).await,
            answer => answer,
        }
    }

    async fn send(&self, command: Cmd) -> Result<Value, Failure> {
        let mut connection = self.connected().await?;
        let answer = tokio::time::timeout(self.deadline, connection.send(&command)).await;
        let answer = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Failure::of(&error),
            Err(_) => Failure::NoAnswer(format!("after {:?}", self.deadline)),
        };
        // On a cluster one silent node is no reason to leave the others; the driver sees to its connections.
        let kept = match &answer {
            Failure::Refused(_) => true,
            Failure::NoAnswer(_) => self.is_cluster(),
            _ => false,
        };
        if !kept {
            *self.connection.lock().await = None;
        }
        Err(answer)
    }

    async fn connected(&self) -> Result<Connection, Failure> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let made = tokio::time::timeout(
            self.deadline.saturating_mul(4),
            self.to.connect(self.deadline),
        )
        .await;
        let made = match made {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(Failure::NotSent(error.to_string())),
            Err(_) => return Err(Failure::NotSent("no connection in time".to_owned())),
        };
        *held = Some(made.clone());
        Ok(made)
    }
}

impl Target {
    async fn connect(&self, deadline: Duration) -> redis::RedisResult<Connection> {
        match self {
            Self::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_response_timeout(Some(deadline))
                    .set_connection_timeout(Some(deadline.saturating_mul(4)));
                let made = client.get_multiplexed_async_connection_with_config(&config);
                made.await.map(Connection::Single)
            }
            Self::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
        }
    }
}

impl Connection {
    async fn send(&mut self, command: &Cmd) -> redis::RedisResult<Value> {
        let answer = match self {
            Self::Single(connection) => connection.req_packed_command(command).await,
            Self::Cluster(connection) => connection.req_packed_command(command).await,
        };
        answer?.extract_error() // the driver hands a refusal on as a value
    }
}
