//! Every decoder of this crate, with arbitrary bytes and with damaged samples of what Hadoop writes.

use decoder_fuzz::Target;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::environment::Environment;
use yarn_common::sasl::{Challenge, Cipher, DigestMd5, Qop, Side};
use yarn_common::token::{Credentials, CredentialsFormat, Token, TokenKind};

/// The identifiers that Hadoop 3.4.3 writes, with the kinds of their tokens.
const IDENTIFIERS: [(&str, &str); 6] = [
    (
        "YARN_AM_RM_TOKEN",
        "0a0d0a0908011080d095ffbc31100110f9ffffffffffffffff01",
    ),
    (
        "NMToken",
        "0a0d0a0908011080d095ffbc31100112090a036e6d31108ee3021a05616c6963652009",
    ),
    (
        "ContainerToken",
        "0a17120d0a0908011080d095ffbc311001188580808080a00412096e6d313a34353435341a05616c696365222b08801010021a140a09\
         6d656d6f72792d6d621080101a024d6920001a0e0a0676636f72657310021a00200028c09fbaffbc31300b38fbd095ffbc3142020804\
         48c8d395ffbc3152270a04696e2e2a120465782e2a1a0572696e2e2a22057265782e2a2a07702e436c617373320270705a0367707560\
         0268027003782a8201056862617365820103776562",
    ),
    ("YARN_CLIENT_TOKEN", "0a0d0a0908011080d095ffbc3110011203626f62"),
    (
        "RM_DELEGATION_TOKEN",
        "0a05616c69636512047961726e1a056f6f7a69652080d095ffbc312880d8c79fbf3130053802",
    ),
    (
        "HDFS_DELEGATION_TOKEN",
        "0005616c696365047961726e056f6f7a69658a018bcfe568008a018bf3f1ec000502",
    ),
];
const CHALLENGE: &str = "realm=\"default\",nonce=\"MbauJ9HUEMrqsDhdhNFfSWXM7hWyN/VqDYgONTdo\",\
    qop=\"auth,auth-int,auth-conf\",charset=utf-8,cipher=\"3des,rc4\",algorithm=md5-sess";
const SITE: &str = "<?xml version=\"1.0\"?><!-- site --><configuration>\
    <property><name>fs.default.name</name><value>hdfs://${env.HOST:-nn}:8020</value><final>true</final></property>\
    <property><name>yarn.resourcemanager.hostname</name><value>${rm}</value><description>d &amp; e</description>\
    </property><property name=\"rm\" value=\"a&#x20;b\"/><property><name>x</name><value><![CDATA[${x}]]></value>\
    </property><xi:include href=\"none.xml\"><xi:fallback/></xi:include></configuration>";

fn sample(hexadecimal: &str) -> Vec<u8> {
    hex::decode(hexadecimal).expect("a sample is hexadecimal")
}

fn token() -> Token {
    Token::new(
        sample(IDENTIFIERS[0].1),
        &b"0123456789abcdef0123"[..],
        TokenKind::AmRm,
        "",
    )
}

fn credentials() -> Credentials {
    let mut credentials = Credentials::new();
    for (kind, identifier) in IDENTIFIERS {
        let identifier = sample(identifier);
        credentials.add_token(kind, Token::new(identifier, &b"password"[..], kind, "10.0.0.1:8020"));
    }
    credentials.add_secret("secret", vec![1, 2, 3]);
    credentials
}

#[test]
fn credentials_files() {
    let formats = [CredentialsFormat::Writable, CredentialsFormat::Protobuf];
    let samples = formats.map(|format| credentials().to_bytes_in(format).to_vec());
    Target::new("credentials_files", samples).run(|bytes| {
        if let Ok(read) = Credentials::read(bytes) {
            assert_eq!(Credentials::read(&read.to_bytes()).unwrap(), read);
        }
    });
}

#[test]
fn tokens_in_urls() {
    Target::new("tokens_in_urls", [token().to_url_string().into_bytes()]).run(|bytes| {
        if let Ok(read) = Token::from_url_string(&String::from_utf8_lossy(bytes)) {
            assert_eq!(Token::from_url_string(&read.to_url_string()).unwrap(), read);
        }
    });
}

#[test]
fn token_identifiers() {
    let samples = IDENTIFIERS.map(|(_, identifier)| sample(identifier));
    Target::new("token_identifiers", samples).run(|bytes| {
        for (kind, _) in IDENTIFIERS {
            let token = Token::new(bytes.to_vec(), Vec::new(), kind, "");
            drop(token.decode_identifier());
        }
    });
}

#[test]
fn hadoop_xml() {
    Target::new("hadoop_xml", [SITE.as_bytes().to_vec()])
        .cases(3000)
        .run(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let environment = Environment::from_iter([("HOST", "nn1")]);
            let Ok(conf) = HadoopConfiguration::from_texts([("yarn-site.xml", text.as_ref())], environment) else {
                return;
            };
            for (key, _) in conf.iter() {
                drop((conf.get(key), conf.get_duration(key), conf.get_list(key)));
            }
            drop((conf.rm_web_addresses(), conf.namenode_addresses("nn"), conf.to_xml()));
        });
}

#[test]
fn sasl_challenges() {
    let login = DigestMd5::for_token(&token());
    Target::new("sasl_challenges", [CHALLENGE.as_bytes().to_vec()]).run(|bytes| {
        let Ok(challenge) = Challenge::parse(bytes) else { return };
        if let Ok((response, session)) = login.respond(&challenge, "Y25vbmNl") {
            drop((session.verify(bytes), login.accept(&challenge, &response)));
        }
    });
}

#[test]
fn sasl_answers() {
    let login = DigestMd5::for_token(&token());
    let challenge = Challenge::parse(CHALLENGE.as_bytes()).unwrap();
    let (response, session) = login.respond(&challenge, "Y25vbmNl").unwrap();
    let (proof, ..) = login.accept(&challenge, &response).unwrap();
    Target::new("sasl_answers", [response, proof]).run(|bytes| {
        drop((session.verify(bytes), login.accept(&challenge, bytes)));
    });
}

#[test]
fn sasl_protected_messages() {
    let key = DigestMd5::for_token(&token()).session_key("default", "bm9uY2U=", "Y25vbmNl");
    for (qop, cipher) in [
        (Qop::AuthInt, Cipher::TripleDes),
        (Qop::AuthConf, Cipher::TripleDes),
        (Qop::AuthConf, Cipher::Des),
        (Qop::AuthConf, Cipher::Rc4),
    ] {
        let (mut sealer, _) = key.layer(qop, cipher, Side::Client).unwrap();
        let sample = sealer.seal(b"a message of some length").unwrap().to_vec();
        Target::new("sasl_protected_messages", [sample])
            .cases(2000)
            .run(|bytes| {
                let (_, mut opener) = key.layer(qop, cipher, Side::Server).unwrap();
                drop(opener.open(bytes));
            });
    }
}
