"""ONNX nodes added one after the other, as one would write a calculation."""

import numpy as np


class Graph:
    """What skl2onnx lets a converter add nodes to.

    Names of tensors go in and out; arrays become constants.

    Parameters
    ----------
    scope, container : objects of skl2onnx
        They give names, and take nodes and constants.
    """

    def __init__(self, scope, container):
        self._scope, self._container = scope, container

    def __call__(self, operation, *inputs, domain="", output=None, **attributes):
        """Add a node, and return the name of its output.

        Parameters
        ----------
        operation : str
            Of ONNX, such as "MatMul".
        *inputs : str or ndarray
            Names of tensors, or constants.
        domain : str, default=""
            Where the operation is defined.
        output : str, default=None
            Name of the output, if it has one already.
        **attributes
            Of the node.
        """
        inputs = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        output = output or self._scope.get_unique_variable_name(f"{operation.lower()}_result")
        name = self._scope.get_unique_operator_name(operation)
        self._container.add_node(
            operation, inputs, [output], op_domain=domain, name=name, **attributes
        )
        return output

    def constant(self, array):
        """Add an array of numbers or strings, and return its name."""
        from onnx import TensorProto
        from onnx.numpy_helper import from_array

        name, array = self._scope.get_unique_variable_name("constant"), np.asarray(array)
        if array.dtype.kind == "U":
            texts = [text.encode() for text in array.ravel().tolist()]
            self._container.add_initializer(name, TensorProto.STRING, array.shape, texts)
        else:
            tensor = from_array(array, name)
            self._container.add_initializer(name, tensor.data_type, array.shape, tensor)
        return name

    def cast(self, x, dtype, **options):
        """Add a conversion to a NumPy dtype, and return the name of its output."""
        from onnx.helper import np_dtype_to_tensor_dtype

        return self("Cast", x, to=np_dtype_to_tensor_dtype(np.dtype(dtype)), **options)

    def reshape(self, x, shape, **options):
        """Add a change of shape, and return the name of its output."""
        return self("Reshape", x, np.asarray(shape, np.int64), **options)
