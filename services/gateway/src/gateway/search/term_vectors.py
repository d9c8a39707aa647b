"""Vectors of a search's terms, from the encoder and cached."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import IO, Any

import orjson
from servicekit.clients.encoder import Encoded
from servicekit.errors import Kind, ServiceError
from servicekit.records import QueryTerm
from servicekit.timing import stage

from gateway.pictures.storage import MediaStore
from gateway.search.single_flight import SingleFlightCache
from gateway.search.terms import Term, read_vector, unquoted, write_term, write_vector
from gateway.upstream.encoders import Encoders


class TermVectors:
    """Gets the vectors of terms."""

    def __init__(self, encoders: Encoders, media: MediaStore, results: SingleFlightCache) -> None:
        self._encoders, self._media, self._results = encoders, media, results

    def resolve(
        self, given: Sequence[Term], images: Sequence[IO[bytes]], model_id: str
    ) -> tuple[list[QueryTerm], list[str], bool]:
        """The terms for the search service, the terms as written in a URL, and whether a text was truncated.

        Args:
            given: the terms of a search.
            images: the uploaded files that they refer to.
            model_id: the collection's model.

        Raises:
            ServiceError: the encoder has another model, does not answer or refuses a picture; or a token is wrong.
        """
        encoded: dict[int, Encoded] = {}
        for i, term in enumerate(given):
            if term.text is not None:
                encoded[i] = self._text(unquoted(term.text), model_id)
            elif term.image is not None:
                encoded[i] = self._image(images[term.image], term.image, model_id)
        terms: list[QueryTerm] = []
        written = []
        for i, term in enumerate(given):
            if term.like is not None:
                terms.append({"like": term.like, "weight": term.weight})
            elif term.vector is not None:
                vector = read_vector(term.vector, model_id, f"terms.{i}.vector")
                terms.append({"vector": vector, "weight": term.weight})
            elif term.image is not None:
                # Use the token's vector (half precision): further pages are requested with the token and must have the
                # same scores.
                token = write_vector(encoded[i].vector, model_id)
                terms.append({"vector": read_vector(token, model_id, "image"), "weight": term.weight})
                term = Term(vector=token, weight=term.weight)
            else:
                terms.append({"vector": encoded[i].vector, "weight": term.weight})
            written.append(write_term(term))
        return terms, written, any(e.truncated for e in encoded.values())

    def _text(self, text: str, model_id: str) -> Encoded:
        return self._encoded(f"{model_id}:{digest(text)}", model_id, lambda: self._encoders.of(model_id).text(text))

    def _image(self, stream: IO[bytes], number: int, model_id: str) -> Encoded:
        def encode() -> Encoded:
            # Read inside the concurrency slot, which bounds the number of files in memory.
            stream.seek(0)
            try:
                sent = self._media.packed(stream.read())
            except ServiceError as error:
                raise refused(number, error) from error
            (encoded,) = self._encoders.of(model_id).images([sent])
            if isinstance(encoded, ServiceError):
                raise refused(number, encoded)
            return encoded

        return self._encoded(f"{model_id}:image:{digest_of(stream)}", model_id, encode)

    def _encoded(self, key: str, model_id: str, encode: Callable[[], Encoded]) -> Encoded:
        """A vector of the collection's model, cached and with single flight.

        Args:
            key: the cache key.
            model_id: the collection's model.
            encode: computes the vector on a cache miss.

        Raises:
            ServiceError: the encoder has another model (409), or does not answer.
        """
        if kept := self._results.find("vector", key):
            return Encoded(*kept)
        with stage("encode"):
            encoded: Encoded = self._results.once("vector", key, encode)
        if encoded.model_id != model_id:
            raise other_model(model_id, encoded.model_id)
        self._results.keep("vector", key, list(encoded))
        return encoded


def refused(number: int, error: ServiceError) -> ServiceError:
    """The error of a picture that cannot be searched for, with its place in the request."""
    return ServiceError(error.kind, f"images.{number}: {error.detail}", error.retry_after)


def other_model(serves: str, made: str) -> ServiceError:
    """The error for an encoder that has another model than the collection."""
    return ServiceError(
        Kind.MODEL_MISMATCH,
        f"the collection holds vectors of model {serves}, and the encoder makes those of {made}; "
        "`sightline reindex` gives every picture one of the latter",
    )


def digest_of(stream: IO[bytes]) -> str:
    """The SHA-256 digest of a file."""
    stream.seek(0)
    found = hashlib.sha256()
    while part := stream.read(2**20):
        found.update(part)
    return found.hexdigest()


def digest(what: Any) -> str:
    """The SHA-256 digest of a value that can be written as JSON."""
    return hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).hexdigest()
