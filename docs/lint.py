"""antsibull-docs, whose temporary directory never ends in an underscore.

The pages name that directory, and to reStructuredText a word that ends in an underscore is a link: one run in 37 ended in errors.
"""

import tempfile

from antsibull_docs.cli.antsibull_docs import main

tempfile._RandomNameSequence.characters = tempfile._RandomNameSequence.characters.replace("_", "")

main()
