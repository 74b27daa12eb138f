//! The cluster's certificate authorities, certificates and service account key.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

use crate::directory::{write_file, write_secret};
use crate::error::{Error, Result};

/// Whom a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Common name: the user in Kubernetes.
    pub(crate) name: String,
    /// Organizations: the groups in Kubernetes.
    pub(crate) groups: Vec<String>,
    /// Host names and addresses that a server answers to; a client has none.
    pub(crate) hosts: Vec<String>,
}

impl Subject {
    /// A client of the API server.
    pub(crate) fn client(name: impl Into<String>, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self {
            name: name.into(),
            groups,
            hosts: Vec::new(),
        }
    }

    /// A server.
    pub(crate) fn server(name: impl Into<String>, hosts: Vec<String>) -> Self {
        Self {
            name: name.into(),
            groups: Vec::new(),
            hosts,
        }
    }
}

/// A certificate and its key, both as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    /// The certificate.
    pub(crate) certificate: String,
    /// The private key.
    pub(crate) key: String,
}

/// Paths of a certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct CredentialFiles {
    /// The certificate.
    pub(crate) certificate: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

impl CredentialFiles {
    fn named(folder: &Path, name: &str) -> Self {
        Self {
            certificate: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
        }
    }

    fn write(&self, credential: &Credential) -> Result<()> {
        write_file(&self.certificate, &credential.certificate)?;
        write_secret(&self.key, &credential.key)
    }
}

/// A certificate authority whose certificate and key are files.
#[derive(Debug)]
pub(crate) struct Authority {
    name: String,
    files: CredentialFiles,
    folder: PathBuf,
    key: KeyPair,
}

impl Authority {
    /// Makes a new authority with its files in a folder.
    pub(crate) fn create(folder: &Path, name: &str) -> Result<Self> {
        let failed = failed(name);
        let key = KeyPair::generate().map_err(&failed)?;
        let certificate = authority_parameters(name)?
            .self_signed(&key)
            .map_err(&failed)?
            .pem();
        let files = CredentialFiles::named(folder, name);
        files.write(&Credential {
            certificate,
            key: key.serialize_pem(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            files,
            folder: folder.to_owned(),
            key,
        })
    }

    /// Reads an authority that `create` made.
    pub(crate) fn open(folder: &Path, name: &str) -> Result<Self> {
        let files = CredentialFiles::named(folder, name);
        let text = fs::read_to_string(&files.key).map_err(Error::file("read", &files.key))?;
        let key = KeyPair::from_pem(&text).map_err(failed(name))?;
        Ok(Self {
            name: name.to_owned(),
            files,
            folder: folder.to_owned(),
            key,
        })
    }

    /// Where its certificate is.
    pub(crate) fn certificate(&self) -> &Path {
        &self.files.certificate
    }

    /// Where its key is.
    pub(crate) fn key(&self) -> &Path {
        &self.files.key
    }

    /// Issues a certificate for server use if the subject has hosts, and for client use.
    pub(crate) fn issue(&self, subject: &Subject) -> Result<Credential> {
        let failed = failed(&subject.name);
        let key = KeyPair::generate().map_err(&failed)?;
        let mut parameters = CertificateParams::new(subject.hosts.clone()).map_err(&failed)?;
        parameters.distinguished_name = distinguished_name(&subject.name, &subject.groups)?;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !subject.hosts.is_empty() {
            parameters
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        parameters.use_authority_key_identifier_extension = true;
        let own = authority_parameters(&self.name)?;
        let issuer = Issuer::from_params(&own, &self.key);
        let certificate = parameters.signed_by(&key, &issuer).map_err(&failed)?;
        Ok(Credential {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Issues a certificate into files beside the authority's own.
    pub(crate) fn issue_files(&self, file: &str, subject: &Subject) -> Result<CredentialFiles> {
        let files = CredentialFiles::named(&self.folder, file);
        files.write(&self.issue(subject)?)?;
        Ok(files)
    }
}

/// Makes the key pair that signs service account tokens; the public half is in `certificate`.
pub(crate) fn service_account_key(folder: &Path) -> Result<CredentialFiles> {
    let key = KeyPair::generate().map_err(failed("service accounts"))?;
    let files = CredentialFiles {
        certificate: folder.join("service-accounts.pub"),
        key: folder.join("service-accounts.key"),
    };
    files.write(&Credential {
        certificate: key.public_key_pem(),
        key: key.serialize_pem(),
    })?;
    Ok(files)
}

/// The same every time, so that an authority can be opened again from its name and key.
fn authority_parameters(name: &str) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::new()).map_err(failed(name))?;
    parameters.distinguished_name = distinguished_name(name, &[])?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    Ok(parameters)
}

/// The library keeps one value an attribute type, but takes the same type named and by number.
fn distinguished_name(name: &str, groups: &[String]) -> Result<DistinguishedName> {
    let organization = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    if groups.len() > organization.len() {
        return Err(Error::TooManyGroups {
            user: name.to_owned(),
            groups: groups.len(),
        });
    }
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    for (kind, group) in organization.into_iter().zip(groups) {
        distinguished.push(kind, group.as_str());
    }
    Ok(distinguished)
}

fn failed(subject: &str) -> impl Fn(rcgen::Error) -> Error {
    let subject = subject.to_owned();
    move |source| Error::Certificate {
        subject: subject.clone(),
        source,
    }
}
