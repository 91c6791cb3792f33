"""Classes and functions that checkpoints name beside the weights, and that are only skipped.

A name listed here is never imported or called: whatever a file builds with it becomes one
opaque value, of which nothing is kept. The list is exact. A name that is not on it is refused,
so that a file which asks for `os.system` is reported and not quietly read.
"""

from __future__ import annotations

from collections.abc import Iterator

# module -> names. What `torch.load(weights_only=True)` takes comes first; then Python's plain
# values and the configuration classes that training frameworks save.
_NAMES: dict[str, str] = {
    "torch": "device Size Generator memory_format layout qscheme finfo iinfo",
    "torch._utils": (
        "_rebuild_sparse_tensor _rebuild_qtensor _rebuild_nested_tensor "
        "_rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy "
        "_rebuild_device_tensor_from_cpu_tensor _rebuild_tensor_v3 _rebuild_wrapper_subclass"
    ),
    "torch.serialization": "_get_layout",
    "torch.torch_version": "TorchVersion",
    "builtins": (
        "set frozenset bytearray complex slice range xrange object int long float str unicode bool "
        "list tuple dict type NoneType"
    ),
    "copyreg": "_reconstructor",
    "collections": "deque",
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "datetime": "datetime date time timedelta timezone",
    "zoneinfo": "ZoneInfo",
    "pathlib": (
        "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath "
        "_local.Path _local.PosixPath _local.WindowsPath _local.PurePath "
        "_local.PurePosixPath _local.PureWindowsPath"
    ),
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID",
    "random": "Random",
    "typing": "Any",
    "numpy": "dtype ndarray",
    "numpy.random": "Generator RandomState PCG64 MT19937",
    "numpy.random._pickle": "__generator_ctor __bit_generator_ctor __randomstate_ctor",
    "omegaconf.base": "ContainerMetadata Metadata Node",
    "omegaconf.dictconfig": "DictConfig",
    "omegaconf.listconfig": "ListConfig",
    "omegaconf.nodes": (
        "AnyNode StringNode IntegerNode FloatNode BooleanNode BytesNode EnumNode PathNode "
        "InterpolationResultNode"
    ),
    "yacs.config": "CfgNode",
    "fvcore.common.config": "CfgNode",
    "detectron2.config.config": "CfgNode",
    "easydict": "EasyDict",
    "addict.addict": "Dict",
    "mmcv.utils.config": "ConfigDict",
    "mmengine.config.config": "ConfigDict",
    "pytorch_lightning.utilities.parsing": "AttributeDict",
    "lightning.pytorch.utilities.parsing": "AttributeDict",
    "lightning_fabric.utilities.data": "AttributeDict",
    "lightning.fabric.utilities.data": "AttributeDict",
    "pytorch_lightning.callbacks.model_checkpoint": "ModelCheckpoint",
    "pytorch_lightning.callbacks.early_stopping": "EarlyStopping",
}
# A pickle of protocol 2, which torch.save writes, has Python 2's names for these modules.
_OLD_MODULES = {"builtins": "__builtin__", "copyreg": "copy_reg"}
_DTYPES = (
    "float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 uint16 uint32 "
    "uint64 short int long bool complex32 complex64 complex128 cfloat cdouble float8_e4m3fn "
    "float8_e5m2 strided sparse_coo sparse_csr contiguous_format channels_last preserve_format"
)

# Values that a file only mentions: `torch.float32`.
OPAQUE_CONSTANTS = frozenset(f"torch.{name}" for name in _DTYPES.split())


def _qualified() -> Iterator[str]:
    for module, names in _NAMES.items():
        for name in names.split():
            yield f"{module}.{name}"
            if module in _OLD_MODULES:
                yield f"{_OLD_MODULES[module]}.{name}"


OPAQUE_CONSTRUCTORS = frozenset(_qualified())
