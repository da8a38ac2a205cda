# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of modules that call AWS, which are amazon.aws': they can be read where that collection is not."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  region:
    description:
      - AWS region.
      - Without it, the environment variables E(AWS_REGION) and E(AWS_DEFAULT_REGION) are read, then the profile.
    type: str
    aliases: [aws_region]
  profile:
    description:
      - Name of the AWS profile whose credentials are used. It excludes O(access_key), O(secret_key) and O(session_token).
      - Without it, the environment variables E(AWS_PROFILE) and E(AWS_DEFAULT_PROFILE) are read.
    type: str
    aliases: [aws_profile]
  access_key:
    description:
      - AWS access key id.
      - Without it, the environment variables E(AWS_ACCESS_KEY_ID) and E(AWS_ACCESS_KEY) are read. Without any of them, boto3
        finds the credentials as it always does.
    type: str
    aliases: [aws_access_key_id, aws_access_key]
  secret_key:
    description:
      - AWS secret access key.
      - Without it, the environment variables E(AWS_SECRET_ACCESS_KEY) and E(AWS_SECRET_KEY) are read.
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
  session_token:
    description:
      - AWS session token, of credentials that expire.
      - Without it, the environment variable E(AWS_SESSION_TOKEN) is read.
    type: str
    aliases: [aws_session_token]
  endpoint_url:
    description:
      - URL of the AWS service, where it is not the public one.
      - Without it, the environment variable E(AWS_URL) is read.
    type: str
    aliases: [aws_endpoint_url]
  aws_ca_bundle:
    description:
      - Path of the CA certificates, in PEM, that AWS' certificates are checked with.
      - Without it, the environment variable E(AWS_CA_BUNDLE) is read.
    type: path
  validate_certs:
    description: Whether AWS' certificates are checked. Where a proxy has a CA of its own, name that in O(aws_ca_bundle).
    type: bool
    default: true
  aws_config:
    description: Parameters of botocore's C(Config), such as C(proxies).
    type: dict
  debug_botocore_endpoint_logs:
    description:
      - Whether the result lists which actions of AWS were called, as C(resource_actions).
      - Without it, the environment variable E(ANSIBLE_DEBUG_BOTOCORE_LOGS) is read.
    type: bool
    default: false
requirements:
  - amazon.aws >= 10.0.0
  - boto3 >= 1.36.0
  - botocore >= 1.36.0
"""
