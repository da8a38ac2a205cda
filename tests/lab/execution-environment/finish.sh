#!/bin/sh
# The last step inside the image, whichever way its packages came.
set -eu
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
