"""The messages in TensorFlow files, with the field numbers of its protos (tensorflow/core, Apache-2.0).

In the notation of `importers.io.protobuf`; without what no network needs: devices, debug information, the origin of a
graph, summaries.
"""

MESSAGES = """
message Dim: int64 size 1, string name 2
message TensorShapeProto: Dim* dim 2, bool unknown_rank 3
message TensorProto: int32 dtype 1, TensorShapeProto tensor_shape 2, bytes tensor_content 4, int32* half_val 13,
    float* float_val 5, double* double_val 6, int32* int_val 7, bytes* string_val 8, int64* int64_val 10,
    bool* bool_val 11, uint32* uint32_val 16, uint64* uint64_val 17
message ListValue: bytes* s 2, int64* i 3, float* f 4, bool* b 5, int32* type 6, TensorShapeProto* shape 7,
    NameAttrList* func 9
message AttrValue: bytes s 2, int64 i 3, float f 4, bool b 5, int32 type 6, TensorShapeProto shape 7,
    TensorProto tensor 8, ListValue list 1, NameAttrList func 10
message AttrEntry: string key 1, AttrValue value 2
message NameAttrList: string name 1, AttrEntry* attr 2
message NodeDef: string name 1, string op 2, string* input 3, AttrEntry* attr 5
message ArgDef: string name 1, int32 type 3, string number_attr 5, string type_list_attr 6
message OpDef: string name 1, ArgDef* input_arg 2, ArgDef* output_arg 3
message TextEntry: string key 1, string value 2
message FunctionDef: OpDef signature 1, NodeDef* node_def 3, TextEntry* ret 4
message GradientDef: string function_name 1
message FunctionDefLibrary: FunctionDef* function 1, GradientDef* gradient 2
message VersionDef: int32 producer 1, int32 min_consumer 2
message GraphDef: NodeDef* node 1, VersionDef versions 4, FunctionDefLibrary library 2
message TensorInfo: string name 1, int32 dtype 2, TensorShapeProto tensor_shape 3
message TensorInfoEntry: string key 1, TensorInfo value 2
message SignatureDef: TensorInfoEntry* inputs 1, TensorInfoEntry* outputs 2, string method_name 3
message SignatureEntry: string key 1, SignatureDef value 2
message MetaInfoDef: string meta_graph_version 1, string* tags 4, string tensorflow_version 5
message MetaGraphDef: MetaInfoDef meta_info_def 1, GraphDef graph_def 2, SignatureEntry* signature_def 5,
    SavedObjectGraph object_graph_def 7
message ObjectReference: int32 node_id 1, string local_name 2
message SavedUserObject: string identifier 1, bytes metadata 3
message SavedVariable: int32 dtype 1, TensorShapeProto shape 2, string name 6
message SavedObject: ObjectReference* children 1, SavedUserObject user_object 4, SavedVariable variable 7
message SavedObjectGraph: SavedObject* nodes 1
message KerasObject: int32 node_id 2, string node_path 3, string identifier 4, bytes metadata 5
message KerasMetadata: KerasObject* nodes 1
message SerializedTensor: string name 1, string full_name 2, string checkpoint_key 3
message SlotVariable: int32 original_variable_node_id 1, string slot_name 2, int32 slot_variable_node_id 3
message TrackableObject: ObjectReference* children 1, SerializedTensor* attributes 2, SlotVariable* slot_variables 3
message TrackableObjectGraph: TrackableObject* nodes 1
message SavedModel: int64 saved_model_schema_version 1, MetaGraphDef* meta_graphs 2
message BundleHeaderProto: int32 num_shards 1, int32 endianness 2, VersionDef version 3
message Extent: int64 start 1, int64 length 2
message TensorSliceProto: Extent* extent 1
message BundleEntryProto: int32 dtype 1, TensorShapeProto shape 2, int32 shard_id 3, int64 offset 4, int64 size 5,
    fixed32 crc32c 6, TensorSliceProto* slices 7
"""
