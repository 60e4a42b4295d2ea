"""Writes a C program that calls every function of cnn.h with arguments that make no sense.

    python3 Tests/c/bad_arguments.py include/cnn.h >bad_arguments_calls.h

The functions, the types of their parameters, and which of them may be NULL are read from the header,
so a new function is tested on arrival. For every parameter there is a value that makes the call
succeed, and a list of values that should not hurt. Tests/c/support/bad_arguments.c runs the calls.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

# Values that make a call succeed: by function and parameter, by parameter, or by type.
VALID_BY_FUNCTION = {
    ("cnn_model_load", "path"): "fixture_model_path",
    ("cnn_model_load_pretrained", "name"): "\"model\"",
    ("cnn_model_load_memory", "bytes"): "fixture.model_bytes",
    ("cnn_model_load_memory", "size"): "fixture.model_size",
    ("cnn_model_save", "path"): "fixture_scratch_path",
    ("cnn_model_save_as", "path"): "fixture_scratch_path",
    ("cnn_model_save_as", "options_json"): '"{\\"precision\\": \\"float16\\"}"',
    ("cnn_model_set_recognition", "json"):
        '"{\\"temperature\\": 1.5, \\"average_flips\\": true}"',
    ("cnn_image_save", "path"): "fixture_scratch_path",
    ("cnn_training_save", "path"): "fixture_scratch_path",
    ("cnn_training_load", "path"): "fixture_checkpoint_path",
    ("cnn_dataset_open", "path"): "fixture_folder",
    ("cnn_dataset_open", "options_json"): '"{\\"size\\": 8}"',
    ("cnn_dataset_create_named", "name"): '"digits"',
    ("cnn_dataset_preprocessing", "normalization"): '"standard"',
    ("cnn_dataset_create_images", "count"): "2",
    ("cnn_dataset_create_floats", "count"): "2",
    ("cnn_dataset_create_floats", "rank"): "3",
    ("cnn_dataset_create_floats", "shape"): "sample_shape",
    ("cnn_dataset_create_targets", "count"): "2",
    ("cnn_dataset_create_targets", "rank"): "3",
    ("cnn_dataset_create_targets", "shape"): "sample_shape",
    ("cnn_dataset_read", "count"): "2",
    ("cnn_dataset_subset", "count"): "2",
    ("cnn_model_create_named", "name"): '"convnet"',
    ("cnn_model_metadata", "key"): '"author"',
    ("cnn_model_set_metadata", "key"): '"author"',
    ("cnn_model_set_class_names", "count"): "3",
    ("cnn_model_get_parameter", "name"): '"conv.weight"',
    ("cnn_model_set_parameter", "name"): '"conv.weight"',
    ("cnn_model_set_parameter", "shape"): "weight_shape",
    ("cnn_model_set_preprocessing", "json"): '"{\\"width\\": 8, \\"height\\": 8}"',
    ("cnn_recognise_memory", "bytes"): "fixture.png_bytes",
    ("cnn_recognise_memory", "size"): "fixture.png_size",
    ("cnn_image_load_memory", "bytes"): "fixture.png_bytes",
    ("cnn_image_load_memory", "size"): "fixture.png_size",
    ("cnn_image_create", "height"): "4",
    ("cnn_image_create", "width"): "4",
    ("cnn_training_set_labels", "count"): "2",
    ("cnn_training_set_targets", "output"): '"box"',
    ("cnn_training_set_targets", "shape"): "box_shape",
    ("cnn_training_set_targets", "rank"): "2",
    ("cnn_trainer_fit", "options_json"):
        '"{\\"epochs\\": 1, \\"loss\\": {\\"logits\\": \\"softmax_cross_entropy\\"}}"',
    ("cnn_finetune", "options_json"):
        '"{\\"head_epochs\\": 1, \\"epochs\\": 1, \\"views\\": 1}"',
    ("cnn_model_replace_head", "options_json"): '"{\\"classes\\": 3}"',
    ("cnn_set_memory_limit", "bytes"): "-1",
    ("cnn_train_step", "training"): "fixture.classifier",
    ("cnn_gradient_check", "options_json"): '"{\\"samples\\": 3}"',
    ("cnn_plugin_load", "path"): '"plugin.so"',
    ("cnn_free", "memory"): "NULL",
}
VALID_BY_NAME = {
    "graph_json": "fixture_graph",
    "options_json": "NULL",
    "path": "fixture_picture_path",
    "batch": "2",
    "input_count": "2 * 8 * 8 * 3",
    "output_capacity": "BUFFER",
    "capacity": "BUFFER",
    "label_capacity": "BUFFER",
    "index": "0",
    "count": "2",
    "height": "8",
    "width": "8",
    "channels": "3",
    "top": "0",
    "left": "0",
    "rank": "4",
    "shape": "batch_shape",
    "class_count": "3",
    "target_count": "2",
    "names": "three_names",
    "class_names": "three_names",
    "targets": "two_targets",
    "fraction": "0.5",
    "seed": "1",
    "rate": "0.01",
    "result": "0.5",
    "status": "0",
    "text": '"somebody"',
    "name": "NULL",
    "output": "NULL",
    "labels": "labels",
    "indices": "labels",
    "pixels": "bytes",
    "layout": "CNN_NHWC",
    "callback": "ignore_message",
    "progress": "go_on",
    "user": "NULL",
}
CAPACITY_OF_PREDICTIONS = "8"
OUTPUTS = {
    "cnn_prediction *": "out_predictions",
    "float *": "out_floats",
    "int64_t *": "out_integers",
    "double *": "out_doubles",
}
HANDLES = ["model", "session", "training", "dataset", "batches", "image", "explanation"]

# Values that should not hurt, by type.
HUGE = ["0", "-1", "INT64_MIN", "INT64_MAX", "INT64_C(1) << 40", "INT64_C(1) << 62"]
TEXTS = ["NULL", '""', '"\\xff\\xfe"', "long_text", '"no such thing"']
JSON = TEXTS + [
    '"{"', '"[]"', '"null"', '"{\\"batch_sizee\\": 3}"', '"{\\"batch_size\\": -5}"',
    '"{\\"batch_size\\": 1e300}"', '"{\\"seed\\": \\"x\\"}"', '"{\\"seed\\": NaN}"',
    '"{\\"method\\": \\"occlusion\\", \\"window\\": -1}"', '"{\\"opacity\\": 1e308}"',
    '"{\\"method\\": \\"saliency\\", \\"smooth\\": 1e300}"', '"{\\"class\\": -1}"',
    '"{\\"layer\\": \\"flat\\"}"',
    '"{\\"temperature\\": -1}"', '"{\\"average_flips\\": 7}"', '"{\\"classes\\": [\\"cat\\", 3]}"',
    '"{\\"precision\\": 16}"', '"{\\"epochs\\": 0}"',
    '"{\\"learning_rate\\": 1e999}"', '"{\\"width\\": 1e18, \\"height\\": 8}"',
    '"{\\"inputs\\": [{\\"name\\": \\"x\\", \\"shape\\": [9223372036854775807, 9, 9]}], '
    '\\"layers\\": []}"', "deep_text",
]
DOUBLES = ["NAN", "INFINITY", "-INFINITY", "-1", "0", "1e308"]
LAYOUTS = ["-1", "2", "INT32_MIN", "INT32_MAX"]
# Negative numbers that mean something.
NEGATIVE_IS_VALID = {("cnn_set_memory_limit", "bytes")}
RANKS = [str(rank) for rank in range(0, 12)]


class Parameter:
    """One parameter of a function."""

    def __init__(self, function: str, declaration: str, nullable: bool):
        match = re.match(r"(.*?)(\w+)$", declaration.strip(), re.S)
        self.function = function
        self.type = " ".join(match[1].split())
        self.name = match[2]
        self.nullable = nullable
        self.is_output = self.name.startswith("out_")
        handle = re.match(r"(const )?cnn_(\w+) \*$", self.type)
        self.handle = handle[2] if handle and handle[2] in HANDLES else None

    def valid(self) -> str:
        """A value that makes the call succeed."""
        if (self.function, self.name) in VALID_BY_FUNCTION:
            return VALID_BY_FUNCTION[self.function, self.name]
        if self.is_output:
            if self.type in OUTPUTS:
                return OUTPUTS[self.type]
            return "&out_" + re.sub(r"\W+", "_", self.type).strip("_")
        if self.handle and self.name != "validation":
            return f"fixture.{self.handle}"
        if self.name == "validation":
            return "NULL"
        if self.function.startswith("cnn_recognise") and self.name == "capacity":
            return CAPACITY_OF_PREDICTIONS
        if self.name in VALID_BY_NAME:
            return VALID_BY_NAME[self.name]
        if self.type == "const float *":
            return "floats"
        raise SystemExit(f"{self.function}: no valid value is known for {self.type} {self.name}")

    def bad(self) -> list[tuple[str, str]]:
        """Values that should not hurt, each with what has to come of them: FAIL or ANY."""
        null = "ANY" if self.nullable else "FAIL"
        if self.handle and not self.is_output:
            other = "image" if self.handle != "image" else "dataset"
            return [
                ("NULL", null), ("bogus", "FAIL"), (f"fixture.freed_{self.handle}", "FAIL"),
                (f"(void *)fixture.{other}", "FAIL"), ("nowhere", "FAIL"),
            ]
        if self.type == "int64_t":
            # A dataset may have samples of any rank; elsewhere the rank is given.
            if self.name == "rank" and not self.function.startswith("cnn_dataset_create"):
                return [(v, "ANY" if v == self.valid() else "FAIL") for v in HUGE + RANKS]
            allowed = (self.function, self.name) in NEGATIVE_IS_VALID
            return [(v, "FAIL" if v.startswith(("-", "INT64_MIN")) and not allowed else "ANY")
                    for v in HUGE]
        if self.type == "cnn_layout":
            return [(v, "FAIL") for v in LAYOUTS]
        if self.type == "double":
            return [(v, "ANY") for v in DOUBLES]
        if self.type == "const char *":
            values = JSON if "json" in self.name else TEXTS
            return [(v, null if v == "NULL" else "ANY") for v in values]
        if self.type == "const float *":
            return [("NULL", null), ("not_a_number", "ANY")]
        if self.type == "const int64_t *":
            return [("NULL", null), ("negative", "FAIL"), ("enormous", "FAIL"), ("zeros", "ANY")]
        if self.type == "const char *const *":
            return [("NULL", null), ("null_names", "FAIL")]
        if self.type == "const cnn_target *":
            return [("NULL", "FAIL"), ("empty_targets", "FAIL"), ("zero_targets", "FAIL")]
        if self.type in ("cnn_tensor *", "cnn_model_info *", "cnn_dataset_info *",
                         "cnn_explanation_info *"):
            kind = self.type.split()[0]
            return [("NULL", "FAIL"), (f"({kind} *)zero_struct", "FAIL"),
                    (f"({kind} *)huge_struct", "FAIL")]
        if self.type == "cnn_status":
            return [("-1", "ANY"), ("INT32_MAX", "ANY"), ("INT32_MIN", "ANY")]
        if self.type == "void *":
            return [("bogus", "ANY"), ("nowhere", "ANY")]
        return [("NULL", null)]

    def clear(self) -> str:
        """Statements that put garbage where a result goes."""
        if not self.is_output:
            return ""
        value = self.valid()
        if re.search(r"\*\s*\*$", self.type):
            return f"*({value}) = garbage; "
        if self.type in ("int64_t *", "double *") and self.is_single():
            return f"*({value}) = 77; "
        return ""

    def check(self, argument: str) -> str:
        """Statements that check that a failed call left nothing where a result goes."""
        if not self.is_output:
            return ""
        if re.search(r"\*\s*\*$", self.type):
            return f"if ({argument}) expect(*{argument} == NULL, \"{self.name} is NULL\"); "
        if self.type in ("int64_t *", "double *") and self.is_single():
            return f"if ({argument}) expect(*{argument} == 0, \"{self.name} is 0\"); "
        return ""

    def is_single(self) -> bool:
        """Whether one number goes there, and not an array."""
        return self.name not in ("out_labels", "out_samples", "out_data", "out_output")


def functions(header: str):
    """Yields name, result type and parameters of every function of a header."""
    pattern = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s*\n([a-z][\w ]*?\*?\s*)(cnn_\w+)\(([^)]*)\);", re.S)
    for comment, result, name, parameters in pattern.findall(header):
        if "typedef" in result:
            continue
        documented = {}
        for match in re.finditer(r"@param (\w+)\s+(.*?)(?=@param|@return|\n \*\s*\n|$)", comment, re.S):
            documented[match[1]] = re.sub(r"\s*\n \*\s*", " ", match[2])
        result_list = []
        if parameters.strip() != "void":
            for declaration in parameters.split(","):
                word = re.search(r"(\w+)$", declaration.strip())[1]
                if word not in documented:
                    raise SystemExit(f"{name}: the parameter {word} is not documented")
                nullable = bool(re.search(r"may be\s+NULL|; NULL |NULL means|NULL removes|NULL for",
                                          documented[word], re.I))
                result_list.append(Parameter(name, declaration, nullable))
        yield name, " ".join(result.split()), result_list


def main() -> None:
    """Prints the calls."""
    text = Path(sys.argv[1]).read_text()
    names = []
    for name, result, parameters in functions(text):
        names.append(name)
        returns_status = result == "cnn_status"
        print(f"static void call_{name}(const int *choice) {{")
        for index, parameter in enumerate(parameters):
            print(f"  {parameter.type} a{index} = {parameter.valid()};")
        for parameter in parameters:
            if clear := parameter.clear():
                print(f"  {clear.strip()}")
        counts = []
        for index, parameter in enumerate(parameters):
            values = parameter.bad()
            counts.append(len(values))
            print(f"  switch (choice[{index}]) {{")
            for number, (value, outcome) in enumerate(values):
                print(f"    case {number}: a{index} = {value}; EXPECT_{outcome}; "
                      f"note(\"{parameter.name} = {value.translate(ESCAPES)}\"); break;")
            print("    default: break;\n  }")
        if not parameters:
            print("  (void)choice;")
        arguments = ", ".join(f"a{index}" for index in range(len(parameters)))
        if returns_status:
            print(f"  judge({name}({arguments}));")
            if checks := "".join(parameter.check(f"a{index}")
                                 for index, parameter in enumerate(parameters)):
                print(f"  if (failed) {{ {checks.strip()} }}")
        elif result == "void":
            print(f"  {name}({arguments});")
        elif result.endswith("*"):
            print(f"  expect({name}({arguments}) != NULL, \"the result is not NULL\");")
        else:
            print(f"  (void){name}({arguments});")
        print("}")
        print(f"static const int counts_{name}[] = {{{', '.join(map(str, counts)) or '0'}}};\n")
    print("static const struct function functions[] = {")
    for name, _, parameters in functions(text):
        print(f"  {{\"{name}\", call_{name}, counts_{name}, {len(parameters)}}},")
    print("};")
    declared = set(re.findall(r"^[a-z].*?\b(cnn_\w+)\(", re.sub(r"/\*.*?\*/", "", text, flags=re.S), re.M))
    declared = {name for name in declared if not name.endswith("_callback")}
    if missing := declared - set(names):
        raise SystemExit(f"not understood in the header: {', '.join(sorted(missing))}")


ESCAPES = str.maketrans({'"': "'", "\\": "/"})

if __name__ == "__main__":
    main()
