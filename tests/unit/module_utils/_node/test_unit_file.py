"""What the files of a unit say of variables, as systemd takes it."""

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import unit_file

UNIT, FIRST, SECOND = "/lib/vault.service", "/etc/10.conf", "/etc/20.conf"


@pytest.mark.parametrize(
    ("texts", "variables"),
    [
        ({UNIT: "Environment=A=1 'B=2 3'\nEnvironment=C=4"}, [("A", "1", UNIT), ("B", "2 3", UNIT), ("C", "4", UNIT)]),
        ({UNIT: "Environment=A=1\nEnvironment=A=2"}, [("A", "2", UNIT)]),
        ({UNIT: "Environment=A=1", FIRST: "Environment=A=2"}, [("A", "1", UNIT), ("A", "2", FIRST)]),
        ({UNIT: "Environment=A=1\nEnvironment=\nEnvironment=B=2"}, [("B", "2", UNIT)]),
        ({UNIT: "Environment=A=1", FIRST: "Environment=\nEnvironment=B=2"}, [("B", "2", FIRST)]),
        ({UNIT: "Environment=A=1", FIRST: "Environment=B=2", SECOND: "Environment="}, []),
        ({UNIT: "Environment=A=1 \\\n  B=2\n# Environment=C=3"}, [("A", "1", UNIT), ("B", "2", UNIT)]),
        ({UNIT: "PassEnvironment=A=1\nEnvironment=A"}, []),
    ],
)
def test_an_empty_setting_takes_back_what_stands_before_it_in_any_file(texts, variables):
    assert [tuple(one) for one in unit_file.variables(texts)] == variables


def test_so_it_does_with_files_of_variables():
    texts = {UNIT: "EnvironmentFile=-/etc/a\n", FIRST: "EnvironmentFile=\nEnvironmentFile='/etc/b.*'\n"}
    assert unit_file.environment_files(texts) == [("/etc/b.*", FIRST)]


def test_a_file_of_variables_says_each_once():
    text = "# A=0\n; A=0\n\nA=1\n B = '2 3' \nA=4\nnothing\n"
    assert unit_file.of_file("/etc/a", text) == [("A", "4", "/etc/a"), ("B", "2 3", "/etc/a")]
