# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where what is written down about a cluster is kept."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  records:
    description:
      - Where what is written down about the cluster is kept. In O(records.bucket), with a copy in O(records.directory); without
        a bucket in O(records.directory) alone; without both nowhere.
      - A record is written only as long as it is what was read. Where another run wrote it meanwhile, the module fails.
    type: dict
    suboptions:
      bucket:
        description: Name of the bucket.
        type: str
      prefix:
        description: What the keys of the records begin with in the bucket, without the last C(/).
        type: str
      directory:
        description: Directory on the controller. It must belong to the user who runs this, and be writable by nobody else.
        type: path
      region:
        description: AWS region of the bucket.
        type: str
      home_region:
        description: Region that the cluster is at home in, where O(records.region) is its second one. The bucket may be marked as
          that region's.
        type: str
      endpoint_url:
        description: URL of S3, where it is not the public one.
        type: str
      tags:
        description: Tags of the cluster. A bucket that has other values of these is refused as another cluster's.
        type: dict
"""
