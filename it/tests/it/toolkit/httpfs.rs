//! HDFS over HTTP through a real HttpFS: the same as at a NameNode, and tokens, which it gives without Kerberos, too.

use selvedge_it::bed::Bed;
use yarn_common::token::TokenKind;
use yarn_rest::auth::{Authenticator, DelegationToken, Simple};
use yarn_rest::error::RestErrorKind;
use yarn_rest::transport::Transport;
use yarn_rest::webhdfs::{TokenRequest, WebHdfs};

use super::history::bed;
use super::rest_webhdfs::{a_file_lives_and_goes, a_large_file_comes_back, names_and_attributes_are_as_set};

fn httpfs(bed: &Bed, who: impl Authenticator + 'static) -> WebHdfs {
    let builder = WebHdfs::builder().server(bed.httpfs_web().unwrap(), None).unwrap();
    builder.transport(Transport::new().authenticator(who)).build().unwrap()
}

fn of_user(bed: &Bed) -> WebHdfs {
    httpfs(bed, Simple::new(bed.user()))
}

#[tokio::test]
async fn a_file_is_made_grown_read_moved_and_deleted_through_httpfs() {
    let bed = bed().await;
    a_file_lives_and_goes(&bed, &of_user(&bed)).await;
}

#[tokio::test]
async fn names_and_attributes_are_set_and_told_through_httpfs() {
    let bed = bed().await;
    let superuser = httpfs(&bed, Simple::new(bed.daemon_user()));
    names_and_attributes_are_as_set(&bed, &of_user(&bed), &superuser).await;
}

#[tokio::test]
async fn a_large_file_is_streamed_both_ways_through_httpfs() {
    let bed = bed().await;
    a_large_file_comes_back(&bed, &of_user(&bed)).await;
}

#[tokio::test]
async fn a_token_of_httpfs_stands_for_its_owner_until_it_is_cancelled() {
    let bed = bed().await;
    let owner = of_user(&bed);
    let request = TokenRequest {
        renewer: Some(bed.user().to_owned()),
        ..TokenRequest::default()
    };
    let token = owner.delegation_token(&request).await.unwrap().unwrap();
    assert_eq!(token.kind(), &TokenKind::WebHdfsDelegation);
    let home = format!("/user/{}", bed.user());
    let in_query = httpfs(&bed, DelegationToken::new(token.clone()));
    let in_header = httpfs(&bed, DelegationToken::new(token.clone()).in_header());
    for of_token in [&in_query, &in_header] {
        assert_eq!(of_token.home_directory().await.unwrap(), home);
        a_file_lives_and_goes(&bed, of_token).await;
    }
    let renewed = owner.renew_delegation_token(&token).await.unwrap();
    let again = owner.renew_delegation_token(&token).await.unwrap();
    assert!(renewed > 0 && again >= renewed, "{renewed} {again}");
    owner.cancel_delegation_token(&token).await.unwrap();
    // It does not say why.
    let refused = owner.renew_delegation_token(&token).await.unwrap_err();
    assert!(matches!(refused.kind(), RestErrorKind::Forbidden { .. }), "{refused}");
    for of_token in [&in_query, &in_header] {
        let refused = of_token.home_directory().await.unwrap_err();
        assert!(matches!(refused.kind(), RestErrorKind::Forbidden { .. }), "{refused}");
        let message = refused.to_string();
        assert!(
            message.contains("InvalidToken") && message.contains("get a new one"),
            "{message}"
        );
    }
}
