# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that every module talking to a cluster shares."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  nodes:
    description:
      - "All nodes of the cluster, as C(name: URL) pairs, for example C(vault-1: https://10.0.1.10:8200)."
      - Requests that only the active node can answer are sent to the active node.
    type: dict
    required: true
  ca_cert:
    description:
      - Path of the CA certificate(s), in PEM, that sign the nodes' certificates.
      - Without it the system's CAs are used. TLS is always verified; environment variables and proxies are not read.
    type: path
  tls_server_name:
    description: Name to check the nodes' certificates against, where they don't hold the addresses in O(nodes).
    type: str
  timeout:
    description: Seconds to wait for one answer.
    type: int
    default: 10
  retries:
    description: How often a failed connection is tried again. A request that reached Vault is never sent twice.
    type: int
    default: 2
requirements:
  - hvac >= 2.3.0
"""

    AUTH = r"""
options:
  auth_method:
    description:
      - How to log in. V(aws_iam) is Vault's C(aws) auth method, as the IAM principal of this controller's AWS credentials.
        V(cert) is a client certificate at C(auth/cert). V(token) is O(token) alone.
      - The token of a login is revoked when the module ends.
    type: str
    choices: [aws_iam, cert, token]
    default: cert
  token:
    description: Token to use. Takes precedence over every O(auth_method).
    type: str
  role_id:
    description: Role of C(auth/aws) or C(auth/cert) to log in as.
    type: str
    default: vaultops-operator
  cert_auth_public_key:
    description: Path of the client certificate, in PEM, to log in with at C(auth/cert).
    type: path
  cert_auth_private_key:
    description: Path of the client certificate's private key, in PEM.
    type: path
  aws_profile:
    description:
      - With V(aws_iam), the AWS profile to log in as. Without it, and without O(aws_access_key), boto3 finds the credentials
        as it always does.
      - The request to STS is signed here, and sent by Vault. No key leaves the controller.
    type: str
  aws_access_key:
    description: AWS access key id.
    type: str
  aws_secret_key:
    description: AWS secret access key.
    type: str
  aws_security_token:
    description: AWS session token.
    type: str
  region:
    description: AWS region whose STS says who logs in. Required with V(aws_iam).
    type: str
  aws_iam_server_id:
    description:
      - Value of the header C(X-Vault-AWS-IAM-Server-ID), which is signed too. A login that was signed for one cluster opens no
        other one.
    type: str
  aws_sts_endpoint:
    description: URL of STS, where it is not the region's public one.
    type: str
requirements:
  - boto3, with O(auth_method=aws_iam)
"""

    ADMIN = r"""
options:
  admin_public_key:
    description:
      - Path of the client certificate, in PEM, of the identity that may say who may do what. It logs in only when something
        of that has to be written.
      - Without it, and without O(auth_method=aws_iam), that is written as whoever O(role_id) is. With O(token) it is not used.
    type: path
  admin_private_key:
    description: Path of its private key, in PEM.
    type: path
  admin_role:
    description: Role of C(auth/aws) or C(auth/cert) that it logs in as.
    type: str
    default: vaultops-admin
"""

    CUSTODY = r"""
options:
  custody:
    description: Where the recovery keys are kept.
    type: dict
    suboptions:
      sink:
        description:
          - V(secretsmanager) keeps them in one secret of AWS Secrets Manager.
          - V(kms_file) keeps them in a file on the controller, encrypted with a KMS key.
          - V(pgp) keeps them in a file on the controller, each share encrypted by Vault to a person's PGP key. The root
            token is in it in plain text from init until it is revoked, unless it is encrypted to somebody too.
        type: str
        required: true
        choices: [secretsmanager, kms_file, pgp]
      name:
        description: Name of the secret.
        type: str
      path:
        description: Path of the file on the controller.
        type: path
      journal:
        description:
          - Where the keys stay, encrypted with a key that only the sink holds, from Vault's answer until they have been read
            back from the sink.
          - Name an object of a bucket, a secret or a file. The first of these that is named is used.
        type: dict
        suboptions:
          bucket:
            description: Name of a bucket.
            type: str
          object:
            description: Key of the object in O(custody.journal.bucket).
            type: str
          secret:
            description: Name of a secret in AWS Secrets Manager, other than O(custody.name).
            type: str
          path:
            description: Path of a file on the controller. Its directory must belong to the user who runs this, and be writable
              by nobody else.
            type: path
      kms_key_id:
        description: KMS key (id, ARN or alias) that encrypts the file or the secret.
        type: str
      region:
        description: AWS region of the sink.
        type: str
      home_region:
        description: Region that the cluster is at home in, where O(custody.region) is its second one. The bucket may be marked as
          that region's.
        type: str
      endpoint_url:
        description: URL of the AWS service, where it is not the public one.
        type: str
      tags:
        description:
          - Tags of the secret. It is made with them, and one that has other values of these is refused as somebody else's.
          - One without them, as earlier versions made it, is taken for this cluster's when the record in it is, and tagged.
        type: dict
      more_tags:
        description: Further tags of a new secret. Nobody is told by these.
        type: dict
"""
