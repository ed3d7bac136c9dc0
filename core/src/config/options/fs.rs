//! Options of file systems.

area! {
    "fs", "File systems";
    not yet {
        /// Schemes that Hadoop's file systems may serve.
        "fs.allowed-fallback-filesystems": Text = "";
        /// The file system of paths without a scheme.
        "fs.default-scheme": Text;
        /// Whether a single result is a file in a directory too.
        "fs.output.always-create-directory": Boolean = "false";
        /// Whether results replace what is there.
        "fs.overwrite-files": Boolean = "false";
    }
    families not yet {
        /// Settings of single file systems.
        "fs.*": Text;
        /// Settings of S3.
        "s3.*": Text;
    }
}
