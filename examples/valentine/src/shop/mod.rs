//! Ten services, each an axum server on a loopback port of its own, called over HTTP.

mod backend;
mod books;
mod gateway;
mod later;
mod leaf;
mod link;
mod naive;
mod order;
mod peak;
mod people;
mod protected;

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use anyhow::Result;
use axum::Router;
use tokio::net::TcpListener;
use watertight::{Bulkhead, BulkheadLayer, KeyLimits, Registry, http::Problem, http::ServerErrors};

pub(crate) use self::{
    backend::Backend,
    books::Books,
    gateway::{FLOOD, TENANT},
    later::Later,
    leaf::{Leaf, STOCK},
    peak::Peak,
    people::{People, PeopleAudit},
};
use self::{
    gateway::{Gateway, tenant},
    link::Link,
    order::Orders,
    protected::Links,
};
use crate::scale::Scale;

/// The two shops: the same services, with and without the layers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum World {
    Naive,
    Protected,
}

/// A shop that is open.
#[derive(Debug)]
pub(crate) struct Shop {
    /// Where customers check out.
    pub(crate) url: String,
    /// Everything that can be watched; empty in the naive shop.
    pub(crate) registry: Registry,
    /// How much of the gateway the flooding tenant has had.
    pub(crate) flood: Peak,
    /// Who they are.
    pub(crate) people: Arc<People>,
    /// What is still to be done: points, mails, orders to undo.
    later: Vec<Later>,
    open_orders: Peak,
    backends: HashMap<Leaf, Arc<Backend>>,
}

impl World {
    pub(crate) const BOTH: [Self; 2] = [Self::Naive, Self::Protected];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Protected => "protected",
        }
    }
}

impl Shop {
    /// Opens a shop, whose customers have moved so many times; it stays open until its runtime shuts down.
    pub(crate) async fn open(world: World, scale: Scale, seed: u64, moves: u64) -> Result<Self> {
        let registry = Registry::new();
        let people = Arc::new(People::open(world, moves).await?);
        let (mut backends, mut urls) = (HashMap::new(), HashMap::new());
        for leaf in Leaf::ALL {
            let work = match leaf {
                Leaf::User => people.user(),
                Leaf::Profile => people.profile(),
                waiting => waiting.waits(),
            };
            let backend = Arc::new(Backend::new(leaf, scale, seed, work));
            let router = Arc::clone(&backend).router();
            let url = open(world, leaf.name(), router, 1_000, &registry).await?;
            backends.insert(leaf, backend);
            urls.insert(leaf, url);
        }
        let links = Links {
            registry: registry.clone(),
            client: reqwest::Client::new(),
            scale,
        };
        let mut later = Vec::new();
        let needed = |leaf| match world {
            World::Naive => Ok(naive::link(urls[&leaf].clone(), links.client.clone())),
            World::Protected => links.needed(leaf, urls[&leaf].clone()),
        };
        let mut optional = |leaf| match world {
            World::Naive => needed(leaf),
            World::Protected => {
                let (link, queue) = links.optional(leaf, urls[&leaf].clone())?;
                later.push(queue);
                Ok(link)
            }
        };
        let open_orders = Peak::default();
        let mut orders = Orders {
            inventory: needed(Leaf::Inventory)?,
            payment: needed(Leaf::Payment)?,
            shipping: needed(Leaf::Shipping)?,
            loyalty: optional(Leaf::Loyalty)?,
            email: optional(Leaf::Email)?,
            analytics: optional(Leaf::Analytics)?,
            cancelled: None,
            open: open_orders.clone(),
        };
        if world == World::Protected {
            later.push(protected::undo_later(&mut orders));
        }
        let order = open(world, "order", orders.router(), 1_000, &registry).await?;
        let flood = Peak::default();
        let gateway = Gateway {
            user: needed(Leaf::User)?,
            profile: needed(Leaf::Profile)?,
            order: match world {
                World::Naive => naive::link(order, links.client.clone()),
                World::Protected => links.order(order)?,
            },
            flood: flood.clone(),
        };
        let most = gateway_limit(scale);
        let url = open(world, "gateway", gateway.router(), most, &registry).await?;
        Ok(Self {
            url,
            registry,
            flood,
            people,
            later,
            open_orders,
            backends,
        })
    }

    pub(crate) fn backend(&self, leaf: Leaf) -> &Backend {
        &self.backends[&leaf]
    }

    /// Whether nothing is left to be done for any order.
    pub(crate) fn is_settled(&self) -> bool {
        // In this order: an order that ends may leave something for later.
        self.open_orders.now() == 0 && self.later.iter().all(|later| later.count() == 0)
    }
}

/// Checkouts at once: what payment works on, as many again that wait for it, and a few on their way.
pub(crate) fn gateway_limit(scale: Scale) -> usize {
    2 * Leaf::Payment.workers(scale) + 6
}

/// One tenant's share of them.
pub(crate) fn tenant_share(scale: Scale) -> usize {
    gateway_limit(scale) / 3
}

/// Serves a router on a free loopback port; where.
pub(crate) async fn serve(router: Router) -> Result<String> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(url)
}

async fn open(
    world: World,
    name: &str,
    router: Router,
    most: usize,
    registry: &Registry,
) -> Result<String> {
    if world == World::Naive {
        return serve(router).await;
    }
    let stack = watertight::http::server(name)
        .max_concurrent(most)
        .register(registry)
        .build()?;
    let router = router.layer(stack);
    if name != "gateway" {
        return serve(router).await;
    }
    // The shares together are more than the whole: they keep one tenant from having it all, not all from having enough.
    let shares = Bulkhead::builder("tenants")
        .max_concurrent(1_000)
        .share_per_key(most / 3)
        .register(registry)
        .keyed::<String>(KeyLimits::default())?;
    let shares = BulkheadLayer::keyed(shares, tenant)
        .classify(ServerErrors::new())
        .on_reject(Problem::new().status(http::StatusCode::TOO_MANY_REQUESTS));
    serve(router.layer(shares)).await
}
