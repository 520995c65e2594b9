"""Status codes and exception classes agree."""

import builtins

import pytest

from shardyfusion import _core, errors

RETRYABLE = {
    "BridgeTimeoutError",
    "PublishManifestError",
    "PublishCurrentError",
    "PoolExhaustedError",
    "ManifestStoreError",
    "ShardWriteError",
    "S3TransientError",
}


@pytest.mark.parametrize("name", errors.__all__)
def test_class(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.ShardyfusionError)
    assert kind.retryable is (name in RETRYABLE)
    error = kind("text")
    assert str(error) == "text"
    assert (error.status, error.shard, error.os_error) == (None, None, None)


@pytest.mark.parametrize("name, value, text, retryable, python", _core.statuses())
def test_status(name, value, text, retryable, python):
    kind = getattr(errors, python, None) or getattr(builtins, python)
    assert issubclass(kind, Exception)
    assert name.isupper() and value > 0 and text
    if kind is not MemoryError:
        assert kind.retryable is retryable


def test_attributes(tmp_path):
    with pytest.raises(errors.ReaderStateError) as caught:
        _core.Reader(str(tmp_path / "nothing"))
    assert caught.value.status == "STATE"
    assert caught.value.shard is None
    assert "_CURRENT" in str(caught.value)


def test_publish_current_error_names_the_manifest():
    text = "/p/_CURRENT could not be published, manifest_ref=/a b/manifest is complete: no space"
    assert errors.PublishCurrentError(text).manifest_ref == "/a b/manifest"
    assert errors.PublishCurrentError("text").manifest_ref is None
    assert errors.PublishCurrentError("text", manifest_ref="x").manifest_ref == "x"


def test_config_errors_are_value_errors():
    assert issubclass(errors.ConfigValidationError, ValueError)
