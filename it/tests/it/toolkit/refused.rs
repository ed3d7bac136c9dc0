//! What real daemons say to those who come with the wrong token or to the wrong port, and what the client makes of it.

use selvedge_it::bed::Bed;
use yarn_common::id::ApplicationId;
use yarn_common::token::Token;
use yarn_common::token::identifier::TokenIdentifier;
use yarn_rpc::am::{AmClient, AmOptions, NmTokenCache};
use yarn_rpc::nm::{NmClient, NmError, NmOptions};

use super::master::{Master, script_context};

/// The same token, as someone would make it up who does not know the key.
fn forged(token: &Token) -> Token {
    let password = vec![7; token.password().len()];
    Token::new(
        token.identifier().clone(),
        password,
        token.kind().clone(),
        token.service(),
    )
}

/// What the ResourceManager of another cluster would have given.
fn of_another_cluster(token: &Token) -> Token {
    let TokenIdentifier::AmRm(mut identifier) = token.decode_identifier().unwrap() else {
        panic!("{token:?}")
    };
    let application = identifier.attempt.application();
    let elsewhere = ApplicationId::new(application.cluster_timestamp() - 1, application.sequence());
    identifier.attempt = elsewhere.attempt(1);
    Token::new(
        identifier.encode(),
        token.password().clone(),
        token.kind().clone(),
        token.service(),
    )
}

async fn refusal(options: AmOptions) -> String {
    let mut client = AmClient::new(options).unwrap();
    let error = client.register("localhost", None, "").await.unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn a_forged_token_and_one_of_another_cluster_have_messages_of_their_own() {
    let bed = Bed::shared().await.unwrap();
    let master = Master::register(bed, "default").await;
    let own = master.options();
    let with = |token: Token| AmOptions { token, ..own.clone() };
    let wrong = refusal(with(forged(&own.token))).await;
    assert!(wrong.contains("password is wrong"), "{wrong}");
    let foreign = refusal(with(of_another_cluster(&own.token))).await;
    assert!(foreign.contains("another cluster"), "{foreign}");
    // Neither has done harm to the one that the token is for.
    master.heartbeat().await;
    master.finish().await;
}

#[tokio::test]
async fn a_node_refuses_a_forged_token_and_the_container_stays_usable() {
    let bed = Bed::shared().await.unwrap();
    let master = Master::register(bed, "default").await;
    let container = master.containers(1, 128, 1).await.remove(0);
    let tokens = NmTokenCache::new();
    tokens.put(container.node.clone(), forged(&master.nm_token(&container.node).await));
    let stranger = NmClient::new(tokens, NmOptions::default());
    let refused = stranger.start_container(&container, &script_context("exit 0")).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, NmError::Call { .. }), "{refused:?}");
    assert!(refused.to_string().contains("password is wrong"), "{refused}");
    master.start(&container, "exit 3").await;
    assert_eq!(master.completed(container.id).await.exit_status.0, 3);
    master.finish().await;
}

#[tokio::test]
async fn a_web_port_is_told_from_an_rpc_port() {
    let bed = Bed::shared().await.unwrap();
    let master = Master::register(bed, "default").await;
    let mut options = master.options().clone();
    let web = bed.rm_web().trim_start_matches("http://").to_owned();
    options.addresses = vec![web.clone()];
    let message = refusal(options).await;
    assert!(message.contains(&web) && message.contains("speaks HTTP"), "{message}");
    master.finish().await;
}
