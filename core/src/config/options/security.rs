//! Options of encryption, Kerberos and tokens.

area! {
    "security", "Encryption, Kerberos and tokens";
    not yet {
        /// Whether tokens are fetched and renewed.
        "security.delegation.tokens.enabled": Boolean = "true" formerly "security.kerberos.fetch.delegation-token";
        /// The pause after tokens could not be renewed.
        "security.delegation.tokens.renewal.retry.backoff": Duration = "1 h"
            formerly "security.kerberos.tokens.renewal.retry.backoff";
        /// After which part of their life tokens are renewed.
        "security.delegation.tokens.renewal.time-ratio": Fraction = "0.75"
            formerly "security.kerberos.tokens.renewal.time-ratio";
        /// Further file systems that tokens are fetched for.
        "security.kerberos.access.hadoopFileSystems": List formerly "yarn.security.kerberos.additionalFileSystems";
        /// Kerberos' configuration file.
        "security.kerberos.krb5-conf.path": Text;
        /// The keytab to log in with.
        "security.kerberos.login.keytab": Text formerly "security.keytab";
        /// The principal of the keytab.
        "security.kerberos.login.principal": Text formerly "security.principal";
        /// Whether the user's own tickets are used.
        "security.kerberos.login.use-ticket-cache": Boolean = "true";
        /// How often the login is renewed.
        "security.kerberos.relogin.period": Duration = "1 min";
        /// The cipher suites.
        "security.ssl.algorithms": Text = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
        /// The version of TLS.
        "security.ssl.protocol": Text = "TLSv1.2";
        /// The file with the own key.
        "security.ssl.keystore": Text;
        /// Its password.
        "security.ssl.keystore-password": Text;
        /// The password of the key in it.
        "security.ssl.key-password": Text;
        /// The file with trusted certificates.
        "security.ssl.truststore": Text;
        /// Its password.
        "security.ssl.truststore-password": Text;
        /// Whether the names in certificates are checked.
        "security.ssl.verify-hostname": Boolean = "true";
        /// Whether the cluster's own connections are encrypted.
        "security.ssl.internal.enabled": Boolean = "false";
        /// The only certificate that is trusted within the cluster.
        "security.ssl.internal.cert.fingerprint": Text;
        /// How long the end of a connection is waited for.
        "security.ssl.internal.close-notify-flush-timeout": Integer = "-1" in "ms"
            formerly "security.ssl.close-notify-flush-timeout";
        /// How long a handshake may take.
        "security.ssl.internal.handshake-timeout": Integer = "-1" in "ms" formerly "security.ssl.handshake-timeout";
        /// How many sessions are kept for resumption.
        "security.ssl.internal.session-cache-size": Integer = "-1" formerly "security.ssl.session-cache-size";
        /// How long they are kept.
        "security.ssl.internal.session-timeout": Integer = "-1" in "ms" formerly "security.ssl.session-timeout";
        /// The cluster's file with its key.
        "security.ssl.internal.keystore": Text;
        /// Its password.
        "security.ssl.internal.keystore-password": Text;
        /// Its format.
        "security.ssl.internal.keystore-type": Text = "pkcs12";
        /// The password of the key in it.
        "security.ssl.internal.key-password": Text;
        /// The cluster's file with trusted certificates.
        "security.ssl.internal.truststore": Text;
        /// Its password.
        "security.ssl.internal.truststore-password": Text;
        /// Its format.
        "security.ssl.internal.truststore-type": Text = "pkcs12";
        /// Whether REST is encrypted.
        "security.ssl.rest.enabled": Boolean = "false";
        /// Whether REST's clients must show a certificate.
        "security.ssl.rest.authentication-enabled": Boolean = "false";
        /// The only certificate that REST's clients trust.
        "security.ssl.rest.cert.fingerprint": Text;
        /// REST's file with its key.
        "security.ssl.rest.keystore": Text;
        /// Its password.
        "security.ssl.rest.keystore-password": Text;
        /// Its format.
        "security.ssl.rest.keystore-type": Text = "pkcs12";
        /// The password of the key in it.
        "security.ssl.rest.key-password": Text;
        /// REST's file with trusted certificates.
        "security.ssl.rest.truststore": Text;
        /// Its password.
        "security.ssl.rest.truststore-password": Text;
        /// Its format.
        "security.ssl.rest.truststore-type": Text = "pkcs12";
        /// Whether ZooKeeper is spoken to without SASL.
        "zookeeper.sasl.disable": Boolean = "false";
        /// The login that ZooKeeper is spoken to with.
        "zookeeper.sasl.login-context-name": Text = "Client";
        /// The name of ZooKeeper's own principal.
        "zookeeper.sasl.service-name": Text = "zookeeper";
        /// Whether both the cluster's own connections and REST are encrypted.
        "security.ssl.enabled": Boolean = "false";
    }
    families not yet {
        /// A provider of tokens.
        "security.delegation.token.provider.<name>.*": Text;
    }
}
